/*
 * Variables whose values can't change what runs. All others may: PATH, IFS, ENV, BASH_ENV, LD_*, GIT_*, PAGER, PYTHON*,
 * NODE_OPTIONS, LESSOPEN and whatever the next program reads. Nor is a name of one's own harmless: zsh ties `path` to
 * PATH and has `commands`, `functions` and `options`, and what is exported already reaches programs.
 */

const words = (...lines: readonly string[]) => new Set(lines.flatMap((line) => line.split(" ")));

/** Read by the C library and by programs: harmless with a plain value, since a path is a file that is loaded. */
const OF_PROGRAMS = words(
  "LANG LANGUAGE TZ TERM COLUMNS LINES COLORTERM NO_COLOR CLICOLOR FORCE_COLOR CI",
  "DEBIAN_FRONTEND SYSTEMD_COLORS",
);
/** What scripts call the variables of their loops; no shell and no program has another use for them. */
const OF_SCRIPTS = words(
  "file files dir dirs name names host hosts line lines item items count total pid pids out result",
);
const PLAIN_VALUE = /^[A-Za-z0-9_.,:@+-]*$/;
const TIME_ZONE = /^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+){0,2}$/;

/** A value for this variable changes no more than texts. @param value as it is written */
export function isHarmless(name: string, value: string): boolean {
  if (OF_SCRIPTS.has(name) || /^[a-z]$/.test(name)) return true;
  if (!OF_PROGRAMS.has(name) && !/^LC_[A-Z]+$/.test(name)) return false;
  return PLAIN_VALUE.test(value) || (name === "TZ" && TIME_ZONE.test(value));
}
