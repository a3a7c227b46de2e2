// The regular expressions by which members subscribe (KIP-848 has RE2's syntax), matched against whole topic names. Not
// JavaScript's RegExp: that backtracks, so that one member's pattern could hold up the node for ever. This one runs all
// alternatives side by side (Thompson's construction) in time of pattern × name.
//
// Read: characters, `.`, classes, \d \w \s \D \W \S, groups of all kinds, `|`, `*`, `+`, `?`, `{n,m}`, lazy forms, `^`, `$`,
// \A, \z, \Q…\E and the flag (?i) in front. Not read: other flags, \b, \p{…}, [[:alpha:]]; RE2 has no back-references and no
// look-around either.

/** @returns whether a name matches as a whole; null for a pattern that can't be read or is too large */
export function topicPattern(source: string): ((name: string) => boolean) | null {
  try {
    const ignoreCase = source.startsWith('(?i)');
    const steps = compile(parse(ignoreCase ? source.slice(4) : source));
    return (name) => run(steps, name, ignoreCase);
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

class Unreadable extends Error {}

const repeatMax = 1_000; // as in RE2
const stepsMax = 10_000;
const depthMax = 200;

type Test = (code: number) => boolean;

type Piece =
  | { readonly kind: 'one'; readonly test: Test }
  | { readonly kind: 'begin' | 'end' }
  | { readonly kind: 'sequence' | 'choice'; readonly of: readonly Piece[] }
  | { readonly kind: 'repeat'; readonly of: Piece; readonly min: number; readonly max: number };

const isDigit: Test = (code) => code >= 48 && code <= 57;
const isSpace: Test = (code) => code === 32 || (code >= 9 && code <= 13 && code !== 11);
const isWord: Test = (code) =>
  isDigit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95;
const not =
  (test: Test): Test =>
  (code) =>
    !test(code);
const classes: Readonly<Record<string, Test>> = {
  d: isDigit,
  D: not(isDigit),
  s: isSpace,
  S: not(isSpace),
  w: isWord,
  W: not(isWord),
};
const controls: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 };

function parse(source: string): Piece {
  let at = 0;
  let depth = 0;
  const more = () => at < source.length;
  const eat = (text: string) => source.startsWith(text, at) && (at += text.length) > 0;
  const fail = (): never => {
    throw new Unreadable();
  };

  function choice(): Piece {
    if (++depth > depthMax) fail();
    const of = [sequence()];
    while (eat('|')) of.push(sequence());
    depth--;
    return of.length === 1 ? of[0]! : { kind: 'choice', of };
  }

  function sequence(): Piece {
    const of: Piece[] = [];
    while (more() && source[at] !== '|' && source[at] !== ')') {
      const pieces = eat('\\Q') ? quoted() : [atom()];
      const last = pieces.pop();
      of.push(...pieces);
      if (last !== undefined) of.push(repeated(last));
    }
    return { kind: 'sequence', of };
  }

  function quoted(): Piece[] {
    const found = source.indexOf('\\E', at);
    const text = source.slice(at, found < 0 ? undefined : found);
    at = found < 0 ? source.length : found + 2;
    return [...text].map((character) => literal(character.charCodeAt(0)));
  }

  function repeated(atom: Piece): Piece {
    let piece = atom;
    for (let count = counted(); count !== null; count = counted()) {
      piece = { kind: 'repeat', of: piece, ...count };
      eat('?'); // lazy: the same for a whole match
    }
    return piece;
  }

  function counted(): { min: number; max: number } | null {
    if (eat('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (eat('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (eat('?')) return { min: 0, max: 1 };
    const found = /^\{(\d+)(?:(,)(\d*))?\}/.exec(source.slice(at, at + 16));
    if (found === null) return null;
    at += found[0].length;
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3]);
    if (min > repeatMax || max < min || (max > repeatMax && max !== Number.POSITIVE_INFINITY)) fail();
    return { min, max };
  }

  function atom(): Piece {
    if (eat('(')) return group();
    if (eat('[')) return { kind: 'one', test: charClass() };
    if (eat('.')) return { kind: 'one', test: (code) => code !== 10 };
    if (eat('^') || eat('\\A')) return { kind: 'begin' };
    if (eat('$') || eat('\\z')) return { kind: 'end' };
    if (eat('\\')) {
      const meant = escaped();
      return typeof meant === 'number' ? literal(meant) : { kind: 'one', test: meant };
    }
    if ('*+?'.includes(source[at]!)) fail();
    return literal(source.charCodeAt(at++));
  }

  function group(): Piece {
    if (eat('?')) {
      const name = /^P?<\w+>/.exec(source.slice(at, at + 64));
      if (name !== null) at += name[0].length;
      else if (!eat(':')) fail();
    }
    const inside = choice();
    if (!eat(')')) fail();
    return inside;
  }

  function escaped(): number | Test {
    const character = source[at++];
    if (character === undefined) return fail();
    const known = classes[character];
    if (known !== undefined) return known;
    const control = controls[character];
    if (control !== undefined) return control;
    if (character === 'x') {
      const hex = /^[0-9a-fA-F]{2}/.exec(source.slice(at, at + 2));
      if (hex === null) return fail();
      at += 2;
      return Number.parseInt(hex[0], 16);
    }
    return isWord(character.charCodeAt(0)) ? fail() : character.charCodeAt(0);
  }

  function charClass(): Test {
    const inverted = eat('^');
    const tests: Test[] = [];
    for (let first = true; first || source[at] !== ']'; first = false) {
      if (!more() || source.startsWith('[:', at)) fail();
      const from = classItem();
      if (typeof from !== 'number') tests.push(from);
      else if (source[at] === '-' && source[at + 1] !== ']') {
        at++;
        const to = more() ? classItem() : fail();
        if (typeof to !== 'number' || to < from) return fail();
        tests.push((code) => code >= from && code <= to);
      } else tests.push((code) => code === from);
    }
    at++;
    const any: Test = (code) => tests.some((test) => test(code));
    return inverted ? not(any) : any;
  }

  const classItem = (): number | Test => (eat('\\') ? escaped() : source.charCodeAt(at++));

  const whole = choice();
  if (more()) fail();
  return whole;
}

const literal = (wanted: number): Piece => ({ kind: 'one', test: (code) => code === wanted });

/** Goes on at the next step, but for `split`, which goes on at all of its targets. */
type Step =
  | { readonly kind: 'one'; readonly test: Test }
  | { readonly kind: 'begin' | 'end' | 'matched' }
  | { readonly kind: 'split'; readonly to: number[] };

function compile(pattern: Piece): readonly Step[] {
  const steps: Step[] = [];
  function add<S extends Step>(step: S): S {
    if (steps.length >= stepsMax) throw new Unreadable();
    steps.push(step);
    return step;
  }
  const split = () => add({ kind: 'split', to: [] as number[] } satisfies Step);

  function emit(piece: Piece): void {
    switch (piece.kind) {
      case 'sequence':
        for (const part of piece.of) emit(part);
        return;
      case 'choice':
        emitChoice(piece.of);
        return;
      case 'repeat':
        emitRepeat(piece);
        return;
      default:
        add(piece);
    }
  }

  function emitChoice(of: readonly Piece[]): void {
    const enter = split();
    const leaves = of.map((part) => {
      enter.to.push(steps.length);
      emit(part);
      return split();
    });
    for (const leave of leaves) leave.to.push(steps.length);
  }

  function emitRepeat({ of, min, max }: Piece & { kind: 'repeat' }): void {
    for (let i = 0; i < min; i++) emit(of);
    if (max === Number.POSITIVE_INFINITY) {
      const begin = steps.length;
      const enter = split();
      enter.to.push(steps.length);
      emit(of);
      split().to.push(begin);
      enter.to.push(steps.length);
      return;
    }
    const skips = Array.from({ length: max - min }, () => {
      const skip = split();
      skip.to.push(steps.length);
      emit(of);
      return skip;
    });
    for (const skip of skips) skip.to.push(steps.length);
  }

  emit(pattern);
  add({ kind: 'matched' });
  return steps;
}

function run(steps: readonly Step[], name: string, ignoreCase: boolean): boolean {
  let current = new Set<number>();
  reach(steps, 0, 0, name.length, current);
  for (let at = 0; at < name.length && current.size > 0; at++) {
    const next = new Set<number>();
    const code = name.charCodeAt(at);
    for (const i of current) {
      const step = steps[i]!;
      if (step.kind !== 'one') continue;
      const fits = step.test(code) || (ignoreCase && otherCase(code) !== code && step.test(otherCase(code)));
      if (fits) reach(steps, i + 1, at + 1, name.length, next);
    }
    current = next;
  }
  return current.has(steps.length - 1);
}

/** Adds `from` and all that can be reached from it without a character. */
function reach(steps: readonly Step[], from: number, at: number, end: number, reached: Set<number>): void {
  const stack = [from];
  for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
    if (reached.has(i)) continue;
    reached.add(i);
    const step = steps[i]!;
    if (step.kind === 'split') stack.push(...step.to);
    else if ((step.kind === 'begin' && at === 0) || (step.kind === 'end' && at === end)) stack.push(i + 1);
  }
}

const otherCase = (code: number): number =>
  code >= 65 && code <= 90 ? code + 32 : code >= 97 && code <= 122 ? code - 32 : code;
