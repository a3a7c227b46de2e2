// JSON, with any Standard Schema validator (zod, valibot, arktype …). The validator runs where bytes become values and
// not the other way: one that transforms would be applied twice, and what a program writes its compiler has checked.
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { Fault } from '../kernel/fault.ts';
import type { Serde } from './serde.ts';

// Unlike text, JSON may begin with a byte order mark that is no part of it (RFC 8259, 8.1).
const decoder = new TextDecoder('utf-8');

/**
 * Values as JSON, read without being looked at: `T` is a promise of whoever writes the topic.
 *
 * JSON has no NaN, Infinity, -0 or undefined: they come back as null, null, 0 and left out. A bigint is refused.
 *
 * @throws Fault `UNWRITABLE_VALUE`, `UNREADABLE_BYTES` from its encode and decode
 * @example json<{ id: string; amount: number }>()
 */
export function json<T>(): Serde<T>;
/**
 * Values as JSON that are validated when they are read; their type is the validator's output.
 *
 * @throws Fault `UNREADABLE_BYTES` naming each issue, `BAD_SCHEMA` for a validator that answers with a promise: a record
 * is decoded at once
 * @example json(z.object({ id: z.string(), amount: z.number() }))
 */
export function json<S extends StandardSchemaV1>(validator: S): Serde<StandardSchemaV1.InferOutput<S>>;
export function json(validator?: StandardSchemaV1): Serde<unknown> {
  return {
    name: 'json',
    encode(value) {
      const text = stringify(value);
      if (text === undefined)
        throw new Fault('UNWRITABLE_VALUE', { serde: 'json', why: `JSON has no ${typeof value}` });
      return Buffer.from(text, 'utf8');
    },
    decode(bytes) {
      const value = parse(bytes);
      return validator === undefined ? value : validated(validator, value);
    },
  };
}

function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value) as string | undefined;
  } catch (error) {
    throw new Fault('UNWRITABLE_VALUE', { serde: 'json', why: (error as Error).message }, error);
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch (error) {
    throw new Fault('UNREADABLE_BYTES', { serde: 'json', why: (error as Error).message }, error);
  }
}

function validated(validator: StandardSchemaV1, value: unknown): unknown {
  const { validate, vendor } = validator['~standard'];
  const result = validate(value);
  if ('then' in result) {
    result.then(undefined, () => {}); // or a rejection that nobody hears ends the process
    throw new Fault('BAD_SCHEMA', {
      schema: `the ${vendor} schema`,
      why: 'it validates with a promise; leave asynchronous checks to mapAsync()',
    });
  }
  if (result.issues)
    throw new Fault('UNREADABLE_BYTES', { serde: 'json', why: result.issues.map(issueText).join('; ') });
  return result.value;
}

function issueText({ message, path }: StandardSchemaV1.Issue): string {
  const keys = (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
  return keys.length === 0 ? message : `${keys.join('.')}: ${message}`;
}
