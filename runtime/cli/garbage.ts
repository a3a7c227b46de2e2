// How much garbage V8 lets pile up before it collects. Frames and batches are memory outside its heap that lives for a while
// and then all dies, and V8 takes what it has survived for a sign of more: left to itself it marks its heap every 10 MB that
// a node takes in. For the commands alone; a program that runs jobs by itself has its own say about its process.
import { setFlagsFromString } from 'node:v8';

/** What may pile up beside what is in use, about. */
const allowedBytes = 384 << 20;
const percentMax = 300;
/** Below it, V8's own choice is as good: it goes by how fast it collects. */
const percentMin = 50;
const everyMs = 5_000;

/** For the whole process, whatever threads it has. */
export function letGarbagePileUp(): void {
  let current = 0;
  const set = (percent: number) => {
    const wanted = percent < percentMin ? 0 : percent;
    if (wanted !== current) setFlagsFromString(`--heap-growing-percent=${wanted}`);
    current = wanted;
  };
  set(percentMax);
  setInterval(() => {
    const { heapUsed, external } = process.memoryUsage();
    set(Math.min(Math.round((allowedBytes / (heapUsed + external)) * 100), percentMax));
  }, everyMs).unref();
}
