import {
  configurationKeys,
  tomlOf,
  type KeyDescription,
  type SectionDescription,
} from './configuration-keys.ts';

const HEAD = `# Every key of fairlead.toml with its default. Keys without a default are commented out.
# Durations are "90s", "2h", "1d"; sizes are bytes, or "64KiB", "64MiB", "1GiB".
# With neither [source] url nor [target] url, everything is local: see .fairlead/ beside this file, or FAIRLEAD_HOME.
# Written by \`npm run reference\` from workers/configuration/schema.ts.
`;

/** A longer line does not move the comments of the others. */
const WIDEST_ALIGNED = 60;

interface Line {
  code: string;
  comment: string;
}

/** `fairlead.example.toml`, whole. */
export const exampleFile = (): string =>
  [HEAD, ...configurationKeys().flatMap(blocksOf)].join('\n');

function blocksOf(section: SectionDescription): string[] {
  if (!section.repeated) {
    const tables = section.keys.filter(isTable).map((key) => tableOf(section.name, key));
    return [linesOf(section), ...tables].map(textOf);
  }
  if (section.usual.length === 0) return [textOf(linesOf(section).map(commentedOut))];
  return section.usual.map((values, index) => {
    const lines = linesOf({ ...section, keys: section.keys.map((key) => valued(key, values)) });
    return textOf(index === 0 ? lines : lines.map(({ code }) => ({ code, comment: '' })));
  });
}

const valued = (key: KeyDescription, values: Record<string, unknown>): KeyDescription => ({
  ...key,
  usual: values[key.name],
});

function linesOf({ name, repeated, description, keys }: SectionDescription): Line[] {
  const head = repeated ? `[[${name}]]` : `[${name}]`;
  const lines = keys.filter((key) => !isTable(key)).map(lineOf);
  return [{ code: head, comment: description }, ...lines];
}

function lineOf(key: KeyDescription): Line {
  const { name, usual, example, variables } = key;
  if (usual === undefined && example === undefined)
    throw new Error(`workers/configuration/schema.ts has no .meta({ example }) for ${name}`);
  const wins = variables.map((variable) => `${variable} wins over it.`);
  const line = {
    code: `${name} = ${tomlOf(usual ?? example)}`,
    comment: [key.description, ...wins].join(' '),
  };
  return usual === undefined ? commentedOut(line) : line;
}

const commentedOut = ({ code, comment }: Line): Line => ({
  code: code.startsWith('# ') ? code : `# ${code}`,
  comment,
});

const isTable = ({ kind }: KeyDescription): boolean => kind.startsWith('table');

/** A key whose own keys the user chooses: `[migration.channelTypes]`. */
function tableOf(section: string, { name, description, example }: KeyDescription): Line[] {
  const rows = Object.entries((example ?? {}) as Record<string, unknown>);
  return [
    { code: `[${section}.${name}]`, comment: description },
    ...rows.map(([key, value]) =>
      commentedOut({ code: `${tomlOf(key)} = ${tomlOf(value)}`, comment: '' }),
    ),
  ];
}

function textOf(lines: Line[]): string {
  const widths = lines.map(({ code }) => code.length).filter((width) => width <= WIDEST_ALIGNED);
  const column = Math.max(...widths) + 3;
  return lines
    .map(({ code, comment }) =>
      comment ? `${code.padEnd(column - 3)}   # ${comment}\n` : `${code}\n`,
    )
    .join('');
}
