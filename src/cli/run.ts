import { existsSync } from 'node:fs';
import { loadConfig } from '../config.ts';
import { messageOf } from '../errors.ts';
import { EXIT_OK, type Io } from './io.ts';
import { settingFlags, type RunOptions } from './settings.ts';

/** Runs the standalone agent until it is told to stop. */
export async function run(options: RunOptions, io: Io): Promise<number> {
  const flags = settingFlags(options);
  const config = loadConfig(options.file, flags);
  const [{ Agent }, { FileWatch }] = await Promise.all([import('../agent.ts'), import('../agent/file-watch.ts')]);
  const agent = new Agent(config, { dryRun: options.dryRun ?? false });
  const stopped = io.untilStopped();

  const reload = (): void => {
    try {
      void agent.reload(loadConfig(options.file, flags));
    } catch (error) {
      // The old configuration goes on: a slip of the pen must not end mirroring.
      agent.log.error({ problem: messageOf(error) }, 'the new configuration is refused; the old one stays in force');
    }
  };
  const { killSwitchFile } = config.settings;
  const followKillSwitch = (): void => void agent.switchMirroring(killSwitchFile === null || !existsSync(killSwitchFile));
  if (killSwitchFile !== null && existsSync(killSwitchFile)) await agent.switchMirroring(false);

  await agent.start();
  const watches = [new FileWatch(options.file, (exists) => exists && reload())];
  if (killSwitchFile !== null) watches.push(new FileWatch(killSwitchFile, followKillSwitch, KILL_SWITCH_CHECK_MS));
  io.onSignal('SIGHUP', reload);
  io.onSignal('SIGUSR2', () => void agent.switchMirroring(!agent.mirroring));

  await stopped;
  for (const watch of watches) watch.close();
  if (options.dryRun === true) {
    const { planReport, renderPlan } = await import('./plan.ts');
    io.out.write(renderPlan(await planReport(agent)));
  }
  await agent.stop();
  return EXIT_OK;
}

/** Mirroring has to stop within a second. */
const KILL_SWITCH_CHECK_MS = 250;
