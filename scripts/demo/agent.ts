/**
 * `shadowtap` with the demo's arguments, except that it ends with the demo: an agent of its own lives on when the
 * process that started it is gone.
 */
import { whenParentIsGone } from './lifetime.ts';

whenParentIsGone(() => process.exit(1));
await import('../../src/cli.ts');
