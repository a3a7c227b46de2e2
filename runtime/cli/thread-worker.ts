// A worker in a thread of its own, seen from the main thread: it loads the job file itself, because functions can't
// cross threads, and reaches the log through a message port.
import { MessageChannel, type MessagePort, Worker as Thread } from 'node:worker_threads';
import { servePort, type Transport } from '../../core/client/index.ts';
import { createLatch, type Latch } from '../../core/kernel/latch.ts';
import { ThreadDeath } from '../app/app.ts';
import { nothingMeasured, type WorkerMeasures } from '../worker/measures.ts';
import type { StoreAnswer, StoreQuestion } from '../worker/store-question.ts';
import type { Worker, WorkerOptions, WorkerReport } from '../worker/worker.ts';

export interface ThreadData
  extends Pick<
    WorkerOptions,
    | 'layout'
    | 'workerId'
    | 'processId'
    | 'alone'
    | 'instanceId'
    | 'sessionTimeoutMs'
    | 'address'
    | 'countOperators'
    | 'from'
    | 'commitWhenIdle'
  > {
  readonly jobFile: string;
  readonly stateFolder: string;
  /** To the embedded node of the main thread, or null where `bootstrap` names a cluster. */
  readonly port: MessagePort | null;
  readonly bootstrap: string | undefined;
  /** Read in the thread: how tokens are come by can't cross threads. */
  readonly clientConfig: string | undefined;
}

export type ToThread =
  | 'stop'
  | { readonly closeWindows: number }
  | { readonly id: number; readonly question: StoreQuestion | 'measures' };
export type FromThread =
  | { readonly kind: 'report'; readonly report: WorkerReport }
  /** `failed` is why there is none. */
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown; readonly failed: string | null }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly message: string };

const starting: WorkerReport = {
  state: 'joining',
  memberId: '',
  generationId: -1,
  tasks: [],
  standbys: [],
  restoring: [],
  rebalances: 0,
  members: [],
  closed: [],
  sources: [],
  recordsIn: 0,
  recordsOut: 0,
  dropped: {},
};

export interface ThreadWorker extends Worker {
  /** Ends the thread at once, as a crash would. For tests of what the others then do. */
  kill(): Promise<void>;
}

export function startThreadWorker(
  data: Omit<ThreadData, 'port'>,
  node: Transport | null,
  onDeath: (last: WorkerReport) => void,
): ThreadWorker {
  const channel = node === null ? null : new MessageChannel();
  const stopServing = channel === null ? () => {} : servePort(channel.port1, node!);
  const port = channel?.port2 ?? null;
  const thread = new Thread(new URL('./worker-thread.js', import.meta.url), {
    workerData: { ...data, port } satisfies ThreadData,
    transferList: port === null ? [] : [port],
  });
  const done = createLatch();
  done.promise.catch(() => {});
  let last = starting;
  let said = false;
  const asked = createQuestions(thread);
  thread.on('message', (message: FromThread) => {
    if (message.kind === 'report') {
      last = message.report;
      return;
    }
    if (message.kind === 'answer') return asked.answered(message);
    // Its last word: what module hooks and ports it still holds must not keep the process.
    said = true;
    if (message.kind === 'stopped') done.resolve();
    else done.reject(new Error(message.message));
    void thread.terminate();
  });
  thread.on('error', (error) => {
    said = true;
    done.reject(error);
  });
  thread.on('exit', (code) => {
    stopServing();
    last = { ...last, state: 'stopped' };
    asked.close();
    if (said) return;
    onDeath(last);
    done.reject(new ThreadDeath(`worker thread ended with code ${code}`));
  });
  return {
    done: done.promise,
    report: () => last,
    measures: async () => ((await asked.ask('measures')) as WorkerMeasures | null) ?? nothingMeasured,
    ask: async (question) => ((await asked.ask(question)) as StoreAnswer | null) ?? { kind: 'notHere' },
    closeWindows: (subTopology) => thread.postMessage({ closeWindows: subTopology } satisfies ToThread),
    // State in another thread is out of reach: the caller says that it isn't here.
    query: () => null,
    queryGlobal: () => null,
    async stop() {
      thread.postMessage('stop' satisfies ToThread);
      await done.promise;
    },
    kill: async () => void (await thread.terminate()),
  };
}

interface Questions {
  /** Null once the thread has ended. */
  ask(question: StoreQuestion | 'measures'): Promise<unknown>;
  answered(message: Extract<FromThread, { kind: 'answer' }>): void;
  close(): void;
}

function createQuestions(thread: Thread): Questions {
  const waiting = new Map<number, Latch<unknown>>();
  let lastId = 0;
  let closed = false;
  return {
    ask(question) {
      if (closed) return Promise.resolve(null);
      const id = ++lastId;
      const answer = createLatch<unknown>();
      waiting.set(id, answer);
      thread.postMessage({ id, question } satisfies ToThread);
      return answer.promise;
    },
    answered({ id, answer, failed }) {
      if (failed === null) waiting.get(id)?.resolve(answer);
      else waiting.get(id)?.reject(new Error(failed));
      waiting.delete(id);
    },
    close() {
      closed = true;
      for (const answer of waiting.values()) answer.resolve(null);
      waiting.clear();
    },
  };
}
