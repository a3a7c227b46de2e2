// What is written in the path and the query of a question to a store: keys, bounds, times, limits. Nothing here asks.
import { Fault } from '../../core/kernel/fault.ts';
import type { Serde } from '../../core/schema/serde.ts';

const limitDefault = 1_000;
const limitMax = 10_000;

/** Text is itself, a number a number, and the rest is JSON; what is no JSON is taken as text. */
export function keyFromText(serde: Serde<unknown>, text: string): Uint8Array {
  const encoded = (value: unknown): Uint8Array => {
    try {
      return serde.encode(value);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Fault('BAD_QUERY', { reason: `'${text}' is no key of type ${serde.name}: ${reason}` }, error);
    }
  };
  switch (serde.name) {
    case 'utf8':
    case 'uuid':
      return encoded(text);
    case 'int64':
      return encoded(/^-?\d+$/.test(text) ? BigInt(text) : text);
    case 'bytes':
      return encoded(Buffer.from(text, 'base64'));
    default:
      return encoded(fromJson(text));
  }
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Milliseconds since the epoch, or ISO 8601. */
export function readTimeMs(name: string, text: string): number {
  const timeMs = /^-?\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isSafeInteger(timeMs)) return timeMs;
  const reason = `'${name}' is a time in milliseconds or as 2026-01-31T12:00:00Z, not '${text}'`;
  throw new Fault('BAD_QUERY', { reason });
}

export function readLimit(search: URLSearchParams): number {
  const limit = Number(search.get('limit') ?? limitDefault);
  if (Number.isInteger(limit) && limit >= 1 && limit <= limitMax) return limit;
  throw new Fault('BAD_QUERY', { reason: `'limit' is a whole number from 1 to ${limitMax}` });
}

/** Keys of a store without windows: both or none. */
export function readBounds(
  { store, kind, key }: { readonly store: string; readonly kind: string; readonly key: Serde<unknown> },
  search: URLSearchParams,
): { readonly from: Uint8Array | null; readonly to: Uint8Array | null } {
  const [from, to] = [search.get('from'), search.get('to')];
  if (from === null && to === null) return { from: null, to: null };
  if (kind === 'window') {
    const reason = `store '${store}' has windows: ask for those of one key with /stores/${store}/KEY?from=…&to=…`;
    throw new Fault('BAD_QUERY', { reason });
  }
  if (from === null || to === null) throw new Fault('BAD_QUERY', { reason: "a range takes both 'from' and 'to'" });
  return { from: keyFromText(key, from), to: keyFromText(key, to) };
}
