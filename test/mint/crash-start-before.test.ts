import t from "tap";
import { killAtEachStart } from "./support/crash-starts.ts";

t.test("before, at each statement of a start", (t) => killAtEachStart(t, "before"));
