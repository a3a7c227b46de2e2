// Logging in over a connection that is open: SaslHandshake names the mechanism, SaslAuthenticate carries its messages.
// Versions 1 of both are served by every Kafka since 2.2, so nothing is negotiated first.
import type { Clock } from '../kernel/clock.ts';
import { Fault, isFault } from '../kernel/fault.ts';
import type { Random } from '../kernel/random.ts';
import { apis } from '../protocol/api-table.ts';
import { errorOf, errors } from '../protocol/error-code.ts';
import { createScram, ScramRefusal } from './scram.ts';
import type { BearerToken, SaslOptions } from './security.ts';
import type { Wire } from './wire.ts';

export interface Login {
  /** @returns how long the session holds in ms (KIP-368), or 0: as long as the connection */
  logIn(wire: Wire, to: string): Promise<number>;
}

/** One message to the server, answered by its next. */
type Exchange = (message: string) => Promise<string>;
type Conversation = (exchange: Exchange) => Promise<void>;

/** @throws Fault `BAD_SETTINGS` */
export function createLogin(sasl: SaslOptions, { clock, random }: { clock: Clock; random: Random }): Login {
  const { mechanism } = sasl;
  const converse = conversationOf(sasl, clock, random);

  async function handshake(wire: Wire, to: string): Promise<void> {
    const request = apis.saslHandshake.request.create({ mechanism });
    const { errorCode, mechanisms } = await wire.send('saslHandshake', 1, request);
    if (errorCode === 0) return;
    const served = errorCode === errors.UNSUPPORTED_SASL_MECHANISM.code ? mechanisms : [];
    throw new Fault('SASL_NOT_SERVED', { to, mechanism, served });
  }

  return {
    async logIn(wire, to) {
      await handshake(wire, to);
      let lifetimeMs = 0;
      const failed = (reason: string, cause?: unknown) =>
        new Fault('AUTHENTICATION_FAILED', { to, mechanism, reason }, cause);
      const exchange: Exchange = async (message) => {
        const request = apis.saslAuthenticate.request.create({ authBytes: Buffer.from(message) });
        const answer = await wire.send('saslAuthenticate', 1, request);
        if (answer.errorCode !== 0) throw failed(answer.errorMessage ?? errorOf(answer.errorCode).name);
        lifetimeMs = Number(answer.sessionLifetimeMs);
        return Buffer.from(answer.authBytes).toString();
      };
      try {
        await converse(exchange);
      } catch (error) {
        if (error instanceof ScramRefusal) throw failed(error.message);
        if (isFault(error, 'BAD_TOKEN')) throw failed(error.message, error);
        throw error;
      }
      return lifetimeMs;
    },
  };
}

function conversationOf(sasl: SaslOptions, clock: Clock, random: Random): Conversation {
  switch (sasl.mechanism) {
    case 'PLAIN': {
      const { username, password } = sasl;
      return async (exchange) => void (await exchange(`\0${username}\0${password}`));
    }
    case 'OAUTHBEARER': {
      const token = keepToken(sasl.token, clock);
      return async (exchange) => {
        const challenge = await exchange(bearerMessage(await token()));
        // A refusal comes as a message of the mechanism (RFC 7628), and as an error only once that was answered.
        if (challenge !== '') await exchange('\x01');
      };
    }
    default: {
      const { username, password, mechanism } = sasl;
      const hash = mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512';
      return async (exchange) => {
        const nonce = Buffer.from(random.bytes(24)).toString('base64url');
        const scram = createScram({ hash, username, password, nonce });
        scram.verify(await exchange(await scram.prove(await exchange(scram.first))));
      };
    }
  }
}

/** What the message may hold (RFC 6750, KIP-342): anything else would end a field of it. */
const tokenForm = /^[A-Za-z0-9\-._~+/]+=*$/;
const extensionForm = { name: /^[A-Za-z]+$/, value: /^[\x21-\x7e \t\r\n]*$/ } as const;

function bearerMessage({ value, extensions = {} }: BearerToken): string {
  if (!tokenForm.test(value)) throw new Fault('BAD_TOKEN', { reason: 'it has characters that no bearer token has' });
  for (const [name, text] of Object.entries(extensions)) {
    if (extensionForm.name.test(name) && name !== 'auth' && extensionForm.value.test(text)) continue;
    throw new Fault('BAD_TOKEN', { reason: `it has an extension that can't be sent, '${name}'` });
  }
  const fields = Object.entries(extensions).map(([name, text]) => `${name}=${text}\x01`);
  return `n,,\x01auth=Bearer ${value}\x01${fields.join('')}\x01`;
}

/** All connections share a token until four fifths of its life are over, as Kafka's `sasl.login.refresh.window.factor`. */
function keepToken(ask: () => BearerToken | Promise<BearerToken>, clock: Clock): () => Promise<BearerToken> {
  let kept: Promise<BearerToken> | undefined;
  let untilMs = Number.POSITIVE_INFINITY;

  async function askAnew(): Promise<BearerToken> {
    try {
      const token = await ask();
      untilMs = clock.monotonicMs() + 0.8 * (token.lifetimeMs ?? 0);
      return token;
    } catch (error) {
      kept = undefined;
      throw new Fault('BAD_TOKEN', { reason: error instanceof Error ? error.message : String(error) }, error);
    }
  }

  return () => {
    if (kept !== undefined && clock.monotonicMs() < untilMs) return kept;
    untilMs = Number.POSITIVE_INFINITY;
    return (kept = askAnew());
  };
}
