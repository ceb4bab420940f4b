import { spawnSync } from 'node:child_process';
import { packageRoot } from '../workers/configuration/package-root.ts';

interface Audit {
  vulnerabilities?: Record<string, { severity: string; range: string }>;
}

const NOT_LOOKED_AT = 75;

// Run by `npm run audit`: 0 is clean, 1 a known vulnerability in what an installation brings, 75 no answer.
const { stdout, stderr } = spawnSync(
  'npm',
  ['audit', '--omit=dev', '--json', ...process.argv.slice(2)],
  {
    cwd: packageRoot,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
    shell: process.platform === 'win32',
  },
);
const { vulnerabilities } = answerOf(stdout);
if (vulnerabilities === undefined) {
  process.stderr.write(`${stderr}audit: the registry did not answer, nothing was looked at\n`);
  process.exitCode = NOT_LOOKED_AT;
} else {
  const found = Object.entries(vulnerabilities);
  for (const [name, { severity, range }] of found)
    process.stderr.write(
      `audit: ${name} ${range} has a known vulnerability (${severity}): npm audit\n`,
    );
  process.stderr.write(`audit: ${found.length} vulnerable packages\n`);
  process.exitCode = found.length === 0 ? 0 : 1;
}

/** Where npm could not ask, it prints an error instead, or nothing. */
function answerOf(text: string): Audit {
  return text.trim() === '' ? {} : (JSON.parse(text) as Audit);
}
