import { beginsValue, beginsWord, climbsOut, commandFollows, conditionFollows, digitFollows, endsWord, insideTag, sumFollows, tautologyFollows, valueEnds } from './around.ts';
import { HEADER, PATH, QUERY, probes, type Probe } from './probe.ts';

const TARGET = PATH | QUERY;
const EVERYWHERE = TARGET | HEADER;

/** What does not belong into a path, a parameter or a header of a client that means well. */
export const INJECTIONS: readonly Probe[] = [
  ...probes('path-traversal', PATH, ['/..'], { name: 'a climb out of the root', confirm: climbsOut }),
  ...probes('path-traversal', QUERY, ['../../', '..\\..\\', '..;/', '....//'], { name: 'a climb out of its folder' }),
  ...probes('path-traversal', PATH, ['..\\', '....//'], { name: 'a climb out of its folder' }),
  ...probes('path-traversal', TARGET, ['\0'], { name: 'a null byte' }),
  ...probes('path-traversal', TARGET, ['/etc/passwd', '/etc/shadow', '/proc/self/', '\\win.ini', '/win.ini', '/boot.ini', '/web-inf/web.xml', 'php://filter', 'php://input', 'expect://']),
  ...probes('path-traversal', QUERY, ['file:///'], { confirm: beginsValue }),

  ...probes('sql-injection', EVERYWHERE, ['union select ', 'union all select ', 'union distinct select ', 'union(select', 'information_schema.', 'waitfor delay ', 'into outfile ', 'xp_cmdshell', 'load_file(']),
  ...probes('sql-injection', EVERYWHERE, ["' or ", '" or ', "' || ", "' and ", '" and ', "') or ", "')or", "'or'", "')) or "], { name: 'a condition behind a quotation mark', confirm: conditionFollows }),
  ...probes('sql-injection', EVERYWHERE, [' or ', ' and ', '||', '&&'], { name: 'a condition that is always met', confirm: tautologyFollows }),
  ...probes('sql-injection', EVERYWHERE, ['sleep(', 'pg_sleep(', 'benchmark(', 'extractvalue(', 'updatexml('], { confirm: (sample) => beginsWord(sample) && digitFollows(sample) }),
  ...probes('sql-injection', EVERYWHERE, ["'--", "' --", "';--", "'; --", "'#"], { name: 'a comment behind a quotation mark', confirm: valueEnds }),
  ...probes('sql-injection', EVERYWHERE, ['; drop table ', ';drop table ', '; insert into ', '; update ', '; delete from ', ';exec ', '; exec ']),

  ...probes('script-injection', EVERYWHERE, ['<script', '</script', '<iframe', '<svg/', '<svg '], { confirm: endsWord }),
  ...probes('script-injection', EVERYWHERE, ['onerror=', 'onload=', 'onerror =', 'onload =', 'onfocus=', 'onmouseover='], { name: 'a handler in a tag', confirm: insideTag }),
  ...probes('script-injection', QUERY, ['javascript:'], { confirm: beginsValue }),
  ...probes('script-injection', EVERYWHERE, ['document.cookie']),

  ...probes('command-injection', EVERYWHERE, [';cat ', '; cat ', '|cat ', '| cat ', ';id', '; id', '|id', '| id', '&&id', ';ls ', '; ls ', '|ls ', ';whoami', '; whoami', '|whoami', '| whoami'], { confirm: (sample) => endsWord(sample) && commandFollows(sample) }),
  ...probes('command-injection', EVERYWHERE, [';wget ', '; wget ', '|wget ', ';curl ', '; curl ', '|curl ', '&&wget ', '&&curl ', '$(wget ', '$(curl ', '$(cat ', '`wget ', '`curl ', '`cat ']),
  ...probes('command-injection', EVERYWHERE, ['$(id)', '`id`', '$(whoami)', '`whoami`', '$(sleep ', '`sleep ', '/bin/sh', '/bin/bash', '/dev/tcp/', 'cmd.exe', 'powershell -', 'powershell.exe']),
  ...probes('command-injection', HEADER, ['() {', '(){'], { name: 'a shell function in a header' }),

  ...probes('code-injection', EVERYWHERE, ['${jndi:', 'jndi:ldap:', 'jndi:ldaps:', 'jndi:rmi:', 'jndi:dns:', '${${', '${lower:', '${upper:', '${env:', '${sys:'], { name: 'a look-up of log4j' }),
  ...probes('code-injection', EVERYWHERE, ['{{', '${', '#{', '<%=', '*{', '@('], { name: 'a sum in an expression', confirm: sumFollows }),
  ...probes('code-injection', EVERYWHERE, ['%{(#', '#_memberaccess', '@java.lang.', 't(java.lang.', 'java.lang.runtime', 'class.module.classloader', '__proto__[', '__proto__.', '__import__(', '<?php', '<?=']),

  ...probes('metadata-access', TARGET, ['169.254.169.254', 'metadata.google.internal', '100.100.100.200', '169.254.170.2', '[fd00:ec2::254]', '0xa9fea9fe', '://2852039166', 'latest/meta-data']),
  ...probes('metadata-access', QUERY, ['gopher://', 'dict://'], { name: 'a scheme to reach other services with', confirm: beginsValue }),
];
