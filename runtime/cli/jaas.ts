// The value of sasl.jaas.config: one login module with its options, `Class required name="value" … ;`. What it complains
// of is never the value: there is a password in it.

export interface JaasEntry {
  /** Without its package. */
  readonly module: string;
  readonly options: Readonly<Record<string, string>>;
}

const option = /\s*([A-Za-z_][\w.]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;"']+))/y;

/** Null where it is not of this form. */
export function parseJaas(text: string): JaasEntry | null {
  const head = /^\s*(?:[\w$]+\.)*([\w$]+)\s+(?:required|requisite|sufficient|optional)\b/i.exec(text);
  if (head === null) return null;
  const options: Record<string, string> = {};
  option.lastIndex = head[0].length;
  let end = option.lastIndex;
  for (let found = option.exec(text); found !== null; found = option.exec(text)) {
    options[found[1]!] = (found[2] ?? found[3] ?? found[4]!).replace(/\\(.)/gs, '$1');
    end = option.lastIndex;
  }
  return /^\s*;\s*$/.test(text.slice(end)) ? { module: head[1]!, options } : null;
}
