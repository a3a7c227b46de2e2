// A connection on which the node knows who the client is. Where the node says how long that holds, the client logs in anew
// on the same connection before it is over (KIP-368), when it next has something to ask: what is asked meanwhile waits and
// goes in the order it came, because an idempotent producer's batches may not overtake each other.
import type { Clock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { Random } from '../kernel/random.ts';
import { type Address, addressName } from './address.ts';
import type { Login } from './sasl.ts';
import { openWire, type Wire, type WireOptions } from './wire.ts';

export interface SessionOptions extends WireOptions {
  readonly login: Login | undefined;
  readonly random: Random;
}

/** @throws Fault `CONNECTION_LOST`, `TLS_FAILED`, `AUTHENTICATION_FAILED`, `SASL_NOT_SERVED` */
export async function openSession(address: Address, options: SessionOptions): Promise<Wire> {
  const { login, clock, random, connectTimeoutMs } = options;
  const wire = await openWire(address, options);
  if (login === undefined) return wire;
  const logIn = () => bounded(login, wire, addressName(address), clock, connectTimeoutMs);
  try {
    return renewed(wire, await logIn(), { logIn, clock, random });
  } catch (error) {
    wire.close('the login failed');
    throw error;
  }
}

/** Also where it is the callback for tokens that doesn't come back. */
function bounded(login: Login, wire: Wire, to: string, clock: Clock, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => {
      const reason = `no login within ${timeoutMs} ms`;
      wire.close(reason);
      reject(new Fault('CONNECTION_LOST', { to, reason }));
    });
    login
      .logIn(wire, to)
      .then(resolve, reject)
      .finally(() => timer.cancel());
  });
}

interface Renewal {
  readonly logIn: () => Promise<number>;
  readonly clock: Clock;
  readonly random: Random;
}

function renewed(wire: Wire, firstLifetimeMs: number, { logIn, clock, random }: Renewal): Wire {
  let held: { go(): void; fail(reason: unknown): void }[] | null = null;
  let renewAtMs = renewalOf(firstLifetimeMs);

  /** At a moment of chance, as Kafka's clients, so that they don't all come at once. */
  function renewalOf(lifetimeMs: number): number {
    if (lifetimeMs <= 0) return Number.POSITIVE_INFINITY;
    return clock.monotonicMs() + lifetimeMs * (0.85 + 0.1 * random.next());
  }

  async function renew(): Promise<void> {
    held = [];
    try {
      renewAtMs = renewalOf(await logIn());
      const waiting = held;
      held = null;
      for (const { go } of waiting) go();
    } catch (error) {
      const waiting = held ?? [];
      held = null;
      wire.close('the login failed');
      for (const { fail } of waiting) fail(error);
    }
  }

  return {
    get broken() {
      return wire.broken;
    },
    send(api, version, request) {
      if (held === null && !wire.broken && clock.monotonicMs() >= renewAtMs) void renew();
      if (held === null) return wire.send(api, version, request);
      const waiting = held;
      return new Promise((resolve, reject) => {
        waiting.push({ go: () => wire.send(api, version, request).then(resolve, reject), fail: reject });
      });
    },
    close: wire.close,
  };
}
