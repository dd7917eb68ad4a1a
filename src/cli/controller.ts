import { IMPORTS } from '../config/agent-schema.ts';
import { loadControllerConfig } from '../config.ts';
import { ShadowtapError } from '../errors.ts';
import { EXIT_OK, type Io } from './io.ts';
import { settingFlags, type RunOptions } from './settings.ts';

export interface ControllerFlags extends RunOptions {
  /** All kinds of routes, whatever the file says. */
  readonly import?: true;
}

/** Runs the controller until it is told to stop. */
export async function controller(options: ControllerFlags, io: Io): Promise<number> {
  const { admin, logLevel, kubernetes } = loadControllerConfig(options.file, settingFlags(options));
  if (kubernetes === null) {
    throw new ShadowtapError('CONFIG_INVALID', `${options.file}: the Agent has no \`kubernetes\`; a controller is for clusters`);
  }
  const [{ Controller }, { apiClient, permissionsOf }] = await Promise.all([import('../controller.ts'), import('../kube/connect.ts')]);
  const running = new Controller(apiClient(kubernetes), {
    admin,
    logLevel,
    permissions: permissionsOf(kubernetes),
    imports: options.import === true ? IMPORTS : kubernetes.import,
  });
  const stopped = io.untilStopped();
  await running.start();
  await stopped;
  await running.stop();
  return EXIT_OK;
}
