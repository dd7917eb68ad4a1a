import { PATH, probes, type Probe } from './probe.ts';

/** Files that no server should hand out, whatever it is made of. */
export const SENSITIVE_FILES: readonly Probe[] = [
  ...probes('sensitive-file', PATH, ['/.env', '/.git', '/.svn', '/.hg', '/.aws', '/.ssh', '/.htpasswd', '/.htaccess', '/.ds_store', '/.vscode', '/.idea', '/.npmrc', '/.pypirc', '/.docker', '/.kube', '/.bash_history'], {
    confirm: ({ text, end }) => end >= text.length || /[\/.~]/.test(text[end]!),
  }),
  ...probes('sensitive-file', PATH, ['/id_rsa', '/wp-config.php', '/web.config', '/config.php.bak', '/backup.sql', '/dump.sql', '/database.sql', '/server-status', '/phpinfo.php', '/actuator/env', '/actuator/heapdump', '/phpmyadmin', '/telescope/requests', '/_profiler/phpinfo'], {
    confirm: ({ text, end }) => end >= text.length || /[\/.~]/.test(text[end]!),
  }),
];
