// A node that lets in only who logs in, as a Kafka broker with SASL does; otherwise a scripted node. Its side of SCRAM is
// written from the RFC and shares nothing with the client's.
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { systemClock } from '../../core/kernel/clock.ts';
import { silentLogger } from '../../core/kernel/logger.ts';
import { type ApiName, apiNames, apis, type RequestOf } from '../../core/protocol/api-table.ts';
import { type Listener, listen } from '../../core/server/listener.ts';
import { scriptedNode } from './scripted-node.ts';

export interface SaslNodeOptions {
  readonly mechanisms: readonly string[];
  readonly username?: string;
  readonly password?: string;
  /** The tokens that it takes. */
  readonly tokens?: readonly string[];
  readonly lifetimeMs?: number;
  /** Proves that it knows another password than the client's. */
  readonly impostor?: boolean;
}

export interface SaslNode extends AsyncDisposable {
  readonly port: number;
  /** APIs in the order in which their requests began. */
  readonly begun: ApiName[];
  /** The tokens it was shown, as they came. */
  readonly shown: string[];
  takes(password: string): void;
  /** Logins wait from now on. */
  hold(): void;
  release(): void;
}

const salt = Buffer.from('a salt that is no secret');
const iterations = 4_096;

export async function startSaslNode(options: SaslNodeOptions): Promise<SaslNode> {
  const { mechanisms, username = 'alice', tokens = [], lifetimeMs = 0, impostor = false } = options;
  let { password = 'secret' } = options;
  const node = scriptedNode();
  const shown: string[] = [];
  const begun: ApiName[] = [];
  let hash: 'sha256' | 'sha512' = 'sha256';
  const firsts = new Map<string, string>();
  let held: Promise<void> = Promise.resolve();
  let release = () => {};

  function scram(message: string): string | null {
    const nonce = /(?:^|,)r=([^,]+)/.exec(message)![1]!;
    if (message.startsWith('n,,')) {
      if (message !== `n,,n=${username},r=${nonce}`) return null;
      const first = `r=${nonce}Server,s=${salt.toString('base64')},i=${iterations}`;
      firsts.set(`${nonce}Server`, `${message.slice(3)},${first}`);
      return first;
    }
    const [bare, proof] = message.split(',p=');
    const conversation = `${firsts.get(nonce)},${bare}`;
    const hmac = (key: Uint8Array, text: string) => createHmac(hash, key).update(text).digest();
    const salted = pbkdf2Sync(password, salt, iterations, hash === 'sha256' ? 32 : 64, hash);
    const stored = createHash(hash).update(hmac(salted, 'Client Key')).digest();
    const signature = hmac(stored, conversation);
    const clientKey = Buffer.from(proof!, 'base64').map((byte, i) => byte ^ signature[i]!);
    if (!createHash(hash).update(clientKey).digest().equals(stored)) return null;
    const serverKey = hmac(impostor ? Buffer.from('guessed') : salted, 'Server Key');
    return `v=${hmac(serverKey, conversation).toString('base64')}`;
  }

  /** Null: refused. */
  function authenticate(message: string): string | null {
    if (message.startsWith('n,,\x01')) {
      const token = message.split('\x01')[1]!.slice('auth=Bearer '.length);
      shown.push(message);
      return tokens.includes(token) ? '' : '{"status":"invalid_token"}';
    }
    if (message.startsWith('\0')) return message === `\0${username}\0${password}` ? '' : null;
    return message === '\x01' ? null : scram(message);
  }

  const listener: Listener = await listen({
    host: '127.0.0.1',
    port: 0,
    async serve(api, version, request, caller) {
      begun.push(api);
      if (api === 'saslHandshake') {
        const { mechanism } = request as RequestOf<'saslHandshake'>;
        hash = mechanism === 'SCRAM-SHA-512' ? 'sha512' : 'sha256';
        const errorCode = mechanisms.includes(mechanism) ? 0 : 33;
        return apis.saslHandshake.response.create({ errorCode, mechanisms: [...mechanisms] }) as never;
      }
      if (api !== 'saslAuthenticate') return node.serve(api, version, request, caller);
      await held;
      const answer = authenticate(Buffer.from((request as RequestOf<'saslAuthenticate'>).authBytes).toString());
      const refused = { errorCode: 58, errorMessage: 'Authentication failed: Invalid username or password' };
      const accepted = { authBytes: Buffer.from(answer ?? ''), sessionLifetimeMs: lifetimeMs };
      return apis.saslAuthenticate.response.create(answer === null ? refused : accepted) as never;
    },
    apis: apiNames,
    clock: systemClock,
    logger: silentLogger,
    limits: { closeMs: 0 },
  });
  return {
    port: listener.port,
    begun,
    shown,
    takes: (other) => void (password = other),
    hold() {
      held = new Promise((resolve) => (release = resolve));
    },
    release: () => release(),
    [Symbol.asyncDispose]: () => listener.close(),
  };
}
