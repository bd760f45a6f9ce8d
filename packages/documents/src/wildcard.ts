/**
 * Whether a name fits a pattern, in which `*` stands for any characters. No regular expression: one made from
 * `*a*a*a*b` takes long on a name that almost fits.
 */
export function wildcard(pattern: string): (name: string) => boolean {
  const [start = "", ...rest] = pattern.split("*");
  const end = rest.pop();
  if (end === undefined) return (name) => name === pattern;
  return (name) => {
    if (name.length < start.length + end.length || !name.startsWith(start) || !name.endsWith(end))
      return false;
    let middle = name.slice(start.length, name.length - end.length);
    for (const part of rest) {
      const at = middle.indexOf(part);
      if (at === -1) return false;
      middle = middle.slice(at + part.length);
    }
    return true;
  };
}
