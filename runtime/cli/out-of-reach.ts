// Notices that a job which is to stop can't: its log is away, and what would be written last is tried for minutes.
import type { Admin } from '../../core/client/index.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import { Fault } from '../../core/kernel/fault.ts';

const probeEveryMs = 1_000;
const answerMsMax = 5_000;

/** Resolves when `signal` says so. @throws Fault `STOPPED_WITHOUT_LOG` once nobody has answered for `limitMs` */
export async function whileInReach(admin: Admin, clock: Clock, limitMs: number, signal: AbortSignal): Promise<void> {
  const pause = (ms: number) => clock.sleep(ms, signal).catch(() => {});
  let heardMs = clock.monotonicMs();
  while (!signal.aborted) {
    const answered = admin.describeCluster().then(
      () => true,
      () => false,
    );
    if (await Promise.race([answered, pause(answerMsMax).then(() => false)])) heardMs = clock.monotonicMs();
    const silentMs = clock.monotonicMs() - heardMs;
    if (!signal.aborted && silentMs >= limitMs)
      throw new Fault('STOPPED_WITHOUT_LOG', { seconds: Math.round(silentMs / 1_000) });
    await pause(probeEveryMs);
  }
}
