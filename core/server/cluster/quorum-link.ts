// Consensus over calls between nodes: its messages are asked and answered there, and here a question is a call and an answer
// is what the call resolves with. A question that consensus doesn't answer ends with nothing, and is asked again by it.
import type { Clock } from '../../kernel/clock.ts';
import { createLatch, type Latch } from '../../kernel/latch.ts';
import type { Message } from '../../raft/types.ts';

const answerOf: Partial<Record<Message['kind'], Message['kind']>> = {
  vote: 'voted',
  fetch: 'fetched',
  fetchSnapshot: 'snapshot',
};
const answers: ReadonlySet<Message['kind']> = new Set(['voted', 'fetched', 'snapshot']);
/** Longer than consensus holds a question back. */
const waitMsMax = 2_000;

export interface QuorumLinkOptions {
  /** Asks another node; null where it gives no answer. */
  readonly ask: (to: number, message: Message) => Promise<Message | null>;
  readonly receive: (message: Message) => void;
  readonly clock: Clock;
}

export interface QuorumLink {
  send(to: number, message: Message): void;
  /** A question of another node; resolves with its answer, or null. */
  serve(message: Message): Promise<Message | null>;
}

/** A vote and the question before it whether there is a chance are two. */
const nameOf = (node: number, message: Message, kind: Message['kind']): string =>
  `${node} ${kind}${'pre' in message && message.pre ? ' pre' : ''}`;

export function createQuorumLink({ ask, receive, clock }: QuorumLinkOptions): QuorumLink {
  /**
   * One question of each kind from each node: who asks again has given the one before up, and consensus answers the newest.
   * An answer that went to an older one would leave this one without, and so all that come after it.
   */
  const waiting = new Map<string, Latch<Message | null>>();

  function take(name: string): Latch<Message | null> | undefined {
    const latch = waiting.get(name);
    waiting.delete(name);
    return latch;
  }

  return {
    send(to, message) {
      if (answers.has(message.kind)) {
        take(nameOf(to, message, message.kind))?.resolve(message);
        return;
      }
      ask(to, message).then(
        (answer) => {
          if (answer !== null) receive(answer);
        },
        () => {}, // consensus asks again
      );
    },
    async serve(message) {
      const kind = answerOf[message.kind];
      if (kind === undefined) {
        receive(message);
        return null;
      }
      const name = nameOf(message.from, message, kind);
      take(name)?.resolve(null);
      const latch = createLatch<Message | null>();
      waiting.set(name, latch);
      receive(message);
      const timer = clock.after(waitMsMax, () => {
        if (waiting.get(name) === latch) waiting.delete(name);
        latch.resolve(null);
      });
      const answer = await latch.promise;
      timer.cancel();
      return answer;
    },
  };
}

/** Bytes as base64, for what travels as JSON. */
export const encodeMessage = (message: Message | null): Uint8Array =>
  Buffer.from(
    JSON.stringify(message, (_, value: unknown) =>
      value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : plainBuffer(value),
    ),
  );

/** A Buffer has been made plain by its own toJSON before a replacer sees it. */
function plainBuffer(value: unknown): unknown {
  const found = value as { type?: unknown; data?: unknown } | null;
  if (typeof value !== 'object' || found?.type !== 'Buffer' || !Array.isArray(found.data)) return value;
  return { base64: Buffer.from(found.data as number[]).toString('base64') };
}

export const decodeMessage = (bytes: Uint8Array): Message | null =>
  JSON.parse(Buffer.from(bytes).toString(), (_, value: unknown) => {
    const found = value as { base64?: unknown } | null;
    return typeof value === 'object' && typeof found?.base64 === 'string'
      ? new Uint8Array(Buffer.from(found.base64, 'base64'))
      : value;
  }) as Message | null;
