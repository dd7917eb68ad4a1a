import { existsSync } from 'node:fs';
import { loadConfig } from '../config.ts';
import { messageOf } from '../errors.ts';
import { EXIT_OK, type Io } from './io.ts';
import { joinCluster } from './join-cluster.ts';
import { settingFlags, type RunOptions } from './settings.ts';

/** Runs the agent, standalone or of a node, until it is told to stop. */
export async function run(options: RunOptions, io: Io): Promise<number> {
  const flags = settingFlags(options);
  const config = loadConfig(options.file, flags);
  const [{ Agent }, { FileWatch }] = await Promise.all([import('../agent.ts'), import('../agent/file-watch.ts')]);
  const cluster = await joinCluster(config);
  const agent = new Agent(config, { dryRun: options.dryRun ?? false, ...(cluster && { cluster }) });
  const stopped = io.untilStopped();

  // Whatever goes wrong with a change, the agent goes on as it was.
  const attempt = (change: () => Promise<void>, complaint: string): void => {
    Promise.resolve()
      .then(change)
      .catch((error: unknown) => agent.log.error({ problem: messageOf(error) }, complaint));
  };
  const reload = (): void =>
    attempt(async () => {
      const changed = loadConfig(options.file, flags);
      if (cluster === null) await agent.reload(changed);
      else agent.log.warn('settings are taken over at the next start; pods and policies are those of the cluster');
    }, 'the new configuration is refused; the old one stays in force');
  const setKillSwitch = (which: 'file' | 'signal', thrown: boolean): void =>
    attempt(() => agent.setKillSwitch(which, thrown), 'mirroring could not be switched everywhere');
  const { killSwitchFile } = config.settings;
  const followKillSwitch = (): void => setKillSwitch('file', killSwitchFile !== null && existsSync(killSwitchFile));
  followKillSwitch();

  // Before the start, which takes a moment: their default action would end the agent.
  io.onSignal('SIGHUP', reload);
  io.onSignal('SIGUSR2', () => setKillSwitch('signal', !agent.isThrown('signal')));

  // Before the start, too: whoever sees that the agent is ready may change the file at once.
  const watches = [new FileWatch(options.file, (exists) => (exists ? reload() : agent.log.warn({ file: options.file }, 'the configuration file is gone; what it said stays in force')))];
  if (killSwitchFile !== null) watches.push(new FileWatch(killSwitchFile, followKillSwitch, KILL_SWITCH_CHECK_MS));

  await agent.start();
  cluster?.start(agent);

  await stopped;
  for (const watch of watches) watch.close();
  await cluster?.stop();
  if (options.dryRun === true) {
    const { planReport, renderPlan } = await import('./plan.ts');
    io.out.write(renderPlan(await planReport(agent)));
  }
  await agent.stop();
  return EXIT_OK;
}

/** Mirroring has to stop within a second. */
const KILL_SWITCH_CHECK_MS = 250;
