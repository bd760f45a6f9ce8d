import t from "tap";
import { killAtEachWrite } from "./support/crash-writes.ts";

t.test("after each write", (t) => killAtEachWrite(t, "after"));
