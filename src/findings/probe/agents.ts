import { AGENT, probes, type Probe } from './probe.ts';

/** How scanners call themselves where nobody has told them not to. */
export const SCANNER_AGENTS: readonly Probe[] = probes('scanner-agent', AGENT, [
  'sqlmap/', 'nikto', 'nmap scripting engine', 'masscan/', 'zgrab/', 'nuclei - ', 'gobuster/', 'dirbuster', 'feroxbuster/', 'wfuzz/', 'fuzz faster u fool',
  'mozilla/4.0 (hydra)', 'acunetix', 'nessus', 'openvas', 'arachni/', 'w3af', 'wpscan', 'dirsearch', 'whatweb/', 'commix/', 'jaeles', 'netsparker', 'burpcollaborator', 'interact.sh',
]);
