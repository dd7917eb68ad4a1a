/** CPU time that this thread takes for `work`, milliseconds: what else the machine has to do makes no difference. */
export function cpuMsOf(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
