// Bytes to lines, each with where it ends, so that reading can go on after any of them. In CSV a line break inside quotes
// belongs to the record; a quote opens where a value begins and nowhere else, so that a stray one spoils its own line only.
import { Fault } from '../../core/kernel/fault.ts';

export interface Line {
  /** Without its line break. */
  readonly text: string;
  /** Number of the line, from 1; of the first where it has several. */
  readonly line: number;
  /** After it: the byte where the next begins, and how many lines have ended. */
  readonly endByte: number;
  readonly endLine: number;
  /** Ended by the end of the file and not by a line break. */
  readonly torn: boolean;
}

export interface LineSplitter {
  push(chunk: Buffer): Line[];
  /** What is left at the end of the file. */
  end(): Line[];
}

export interface LineSplitterOptions {
  readonly path: string;
  readonly startByte: number;
  /** Lines that have ended before `startByte`. */
  readonly startLine: number;
  /** The byte that quotes line breaks, and the last one of what parts values; null for none. */
  readonly quote: { readonly byte: number; readonly after: number } | null;
  /** Default 16 MiB. */
  readonly lineBytesMax?: number;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = Buffer.from('\ufeff');

export function createLineSplitter({
  path,
  startByte,
  startLine,
  quote,
  lineBytesMax = 16 << 20,
}: LineSplitterOptions): LineSplitter {
  /** Bytes of a line whose end has not come. */
  let rest: Buffer = Buffer.alloc(0);
  let restByte = startByte;
  let ended = startLine;

  function take(bytes: Buffer, from: number, to: number, next: number, breaks: number): Line {
    const end = to > from && bytes[to - 1] === carriageReturn ? to - 1 : to;
    const text = bytes.toString('utf8', from, end);
    const line = ended + 1;
    ended += breaks;
    // A byte order mark is no part of the first line.
    return {
      text: line === 1 && text.startsWith('\ufeff') ? text.slice(1) : text,
      line,
      endByte: restByte + next,
      endLine: ended,
      torn: next === to,
    };
  }

  /** A byte order mark is no part of the first value. */
  const valuesFrom = (bytes: Buffer, from: number): number =>
    restByte + from === 0 && bytes.subarray(0, byteOrderMark.length).equals(byteOrderMark)
      ? byteOrderMark.length
      : from;

  return {
    push(chunk) {
      const scanFrom = rest.length;
      const bytes = scanFrom === 0 ? chunk : Buffer.concat([rest, chunk]);
      const lines: Line[] = [];
      const nextQuote = (at: number) => (quote === null ? -1 : bytes.indexOf(quote.byte, at));
      let from = 0;
      let breaks = 0;
      let open = false;
      let closedAt = -1;
      // A doubled quote closes and opens again.
      const opens = (at: number) =>
        at === valuesFrom(bytes, from) || bytes[at - 1] === quote?.after || (closedAt !== -1 && closedAt === at - 1);
      // Looked for once and kept until it is passed: a chunk without quotes is searched once, not once a line.
      let quoteAt = nextQuote(0);
      // Without quotes there is no line break in what was left; with them it must be looked at again.
      for (
        let at = bytes.indexOf(lineFeed, quote === null ? scanFrom : 0);
        at !== -1;
        at = bytes.indexOf(lineFeed, at + 1)
      ) {
        breaks++;
        for (; quoteAt !== -1 && quoteAt < at; quoteAt = nextQuote(quoteAt + 1)) {
          if (open) closedAt = quoteAt;
          open = !open && opens(quoteAt);
        }
        if (open) continue;
        lines.push(take(bytes, from, at, at + 1, breaks));
        from = at + 1;
        breaks = 0;
      }
      if (bytes.length - from > lineBytesMax) {
        const reason = `does not end within ${lineBytesMax} bytes${quote === null ? '' : ' (is a quote left open?)'}`;
        throw new Fault('BAD_LINE', { path, line: ended + 1, reason });
      }
      rest = bytes.subarray(from);
      restByte += from;
      return lines;
    },
    end() {
      if (rest.length === 0) return [];
      let breaks = 1;
      for (let at = rest.indexOf(lineFeed); at !== -1; at = rest.indexOf(lineFeed, at + 1)) breaks++;
      const last = take(rest, 0, rest.length, rest.length, breaks);
      restByte += rest.length;
      rest = Buffer.alloc(0);
      return [last];
    },
  };
}
