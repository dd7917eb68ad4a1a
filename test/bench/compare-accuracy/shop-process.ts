/** An instance of the shop in a process of its own: options as JSON in the first argument; says when it listens, and when asked what was planted. */
import { Instance, type InstanceOptions } from './servers.ts';

const instance = await Instance.start(JSON.parse(process.argv[2]!) as InstanceOptions);
process.on('message', () => process.send!({ planted: [...instance.planted.keys()].map(({ name }) => name) }));
process.on('disconnect', () => process.exit());
process.send!({ listening: true });
