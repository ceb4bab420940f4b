import { format } from 'prettier';
import { commandHelps, type CommandHelp } from './command-help.ts';
import {
  configurationKeys,
  tomlOf,
  type KeyDescription,
  type SectionDescription,
} from './configuration-keys.ts';

const HEAD = `<!-- Written by \`npm run reference\` from workers/configuration/schema.ts and the commands in cli/. -->

# Reference

## Configuration

\`fairlead.toml\` in the current folder, or the file that \`--config\` names; [fairlead.example.toml](../fairlead.example.toml) has the same keys to copy from.
What a key does to a running installation, and variables that are no key: [operate.md](operate.md#configuration).

A **duration** is \`"90s"\`, \`"2h"\`, \`"1d"\`; a **size** is a number of bytes, or \`"64KiB"\`, \`"64MiB"\`, \`"1GiB"\`. A variable of the environment wins over its key.
`;

const COMMANDS_HEAD = `
## Commands

As \`fairlead <command> --help\` tells it. Exit codes: [errors.md](errors.md); with \`--json\` a failure is on stdout too, as \`{"error":{"code","message","hint"}}\`.
`;

/** `docs/reference.md`, whole. */
export async function referencePage(): Promise<string> {
  const sections = configurationKeys().map(sectionText);
  const commands = (await commandHelps()).map(commandText);
  const page = [HEAD, ...sections, COMMANDS_HEAD, ...commands].join('\n');
  return format(page, { parser: 'markdown', printWidth: 100 });
}

function sectionText({ name, repeated, description, keys }: SectionDescription): string {
  const head = repeated ? `[[${name}]]` : `[${name}]`;
  const rows = keys.map((key) => `| ${cellsOf(key).map(escaped).join(' | ')} |`);
  const table = ['| key | value | default | what it is |', '| --- | --- | --- | --- |', ...rows];
  return `### \`${head}\`\n\n${description}\n\n${table.join('\n')}\n`;
}

const cellsOf = (key: KeyDescription): string[] => [
  `\`${key.name}\``,
  key.kind,
  defaultOf(key),
  [key.description, ...key.variables.map((variable) => `Variable: \`${variable}\`.`)].join(' '),
];

function defaultOf({ required, usual }: KeyDescription): string {
  if (required) return 'must be set';
  return usual === undefined ? '' : `\`${tomlOf(usual)}\``;
}

const escaped = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

const commandText = ({ words, help }: CommandHelp): string =>
  `### ${words}\n\n\`\`\`text\n${help}\n\`\`\`\n`;
