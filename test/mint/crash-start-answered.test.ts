import t from "tap";
import { killAtEachStart } from "./support/crash-starts.ts";

t.test("answered, at each statement of a start", (t) => killAtEachStart(t, "answered"));
