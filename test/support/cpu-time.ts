/** Processor time that this thread takes for it, milliseconds: unlike the time that passes, it says the same on a busy machine. */
export function cpuMs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}
