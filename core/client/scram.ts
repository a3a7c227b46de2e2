// The client's side of SCRAM (RFC 5802, RFC 7677) as functions of messages; sends nothing. No channel binding: Kafka has
// none. User name and password are taken as they are, in UTF-8 without SASLprep, because that is what Kafka's do.
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

export interface ScramOptions {
  readonly hash: 'sha256' | 'sha512';
  readonly username: string;
  readonly password: string;
  /** Printable ASCII without a comma, drawn for this conversation alone. */
  readonly nonce: string;
}

export interface Scram {
  readonly first: string;
  /** Answers the server's first message. @throws ScramRefusal */
  prove(serverFirst: string): Promise<string>;
  /** Whether the server knows the password too. @throws ScramRefusal */
  verify(serverFinal: string): void;
}

/** Why the server isn't believed. */
export class ScramRefusal extends Error {}

/** Below, a password is guessed from what was listened to (RFC 7677). */
const iterationsMin = 4_096;
/** Above, the server keeps us computing; Kafka's own limit is 16,384. */
const iterationsMax = 1_000_000;

const derive = promisify(pbkdf2);
const hashBytes = { sha256: 32, sha512: 64 } as const;
const escaped = (name: string): string => name.replaceAll('=', '=3D').replaceAll(',', '=2C');

export function createScram({ hash, username, password, nonce }: ScramOptions): Scram {
  const hmac = (key: Uint8Array, text: string) => createHmac(hash, key).update(text).digest();
  const header = 'n,,';
  const firstBare = `n=${escaped(username)},r=${nonce}`;
  let expected: Buffer | undefined;

  return {
    first: `${header}${firstBare}`,
    async prove(serverFirst) {
      const { serverNonce, salt, iterations } = readFirst(serverFirst, nonce);
      const salted = await derive(Buffer.from(password), salt, iterations, hashBytes[hash], hash);
      const clientKey = hmac(salted, 'Client Key');
      const storedKey = createHash(hash).update(clientKey).digest();
      const finalBare = `c=${Buffer.from(header).toString('base64')},r=${serverNonce}`;
      const conversation = `${firstBare},${serverFirst},${finalBare}`;
      const signature = hmac(storedKey, conversation);
      expected = hmac(hmac(salted, 'Server Key'), conversation);
      const proof = clientKey.map((byte, i) => byte ^ signature[i]!);
      return `${finalBare},p=${Buffer.from(proof).toString('base64')}`;
    },
    verify(serverFinal) {
      const [, kind, value] = /^([ve])=([^,]+)/.exec(serverFinal) ?? [];
      if (kind === 'e') throw new ScramRefusal(`the server says ${value}`);
      const given = Buffer.from(value ?? '', 'base64');
      if (expected === undefined || given.length !== expected.length || !timingSafeEqual(given, expected)) {
        throw new ScramRefusal('the server did not prove that it knows the password');
      }
    },
  };
}

function readFirst(serverFirst: string, nonce: string) {
  const found = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9/+]+={0,2}),i=([1-9]\d{0,9})(?:,.*)?$/.exec(serverFirst);
  if (found === null) throw new ScramRefusal('the server sent no SCRAM message');
  const [, serverNonce, salt, count] = found;
  const iterations = Number(count);
  if (!serverNonce!.startsWith(nonce) || serverNonce === nonce) {
    throw new ScramRefusal('the server answered another conversation than this one');
  }
  if (iterations < iterationsMin || iterations > iterationsMax) {
    throw new ScramRefusal(`the server asks for ${iterations} iterations, not ${iterationsMin} to ${iterationsMax}`);
  }
  return { serverNonce: serverNonce!, salt: Buffer.from(salt!, 'base64'), iterations };
}
