import t from "tap";
import { killAtEachWrite } from "./support/crash-writes.ts";

t.test("before each write", (t) => killAtEachWrite(t, "before"));
