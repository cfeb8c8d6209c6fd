/** How long a processor works for something: what a test may put a limit on, since a busy machine changes it little. */

/** User and system time of this process while the work goes on, in milliseconds. */
export async function processorTimeOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
