/** A table by schema and name, neither of them quoted. */
export interface TableName {
  schema: string;
  name: string;
}

const PART = String.raw`(?:"((?:[^"]|"")+)"|([^".\s]+))`;
const TABLE = new RegExp(`^${PART}\\.${PART}$`);

/**
 * Reads `schema.table`; a part with a dot or a space stands in double quotes. Case is kept as written.
 *
 * @throws {RangeError} when the text is no such name
 */
export function parseTableName(text: string): TableName {
  const parts = TABLE.exec(text.trim());
  if (!parts) throw new RangeError(`"${text}" is no table name of the form schema.table`);
  return { schema: unquote(parts[1], parts[2]), name: unquote(parts[3], parts[4]) };
}

const unquote = (quoted: string | undefined, plain: string | undefined): string =>
  quoted?.replaceAll('""', '"') ?? plain!;

/** `schema.table`, for people and for the configuration. */
export const formatTableName = ({ schema, name }: TableName): string =>
  [schema, name]
    .map((part) => (/[".\s]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part))
    .join('.');

/** The wide table of one ship and group; `{ship}` becomes the ship id in lower case, whatever characters it has. */
export function fillTableTemplate(template: string, ship: string, group: string): TableName {
  const parts: Record<string, string> = { '{ship}': ship.toLowerCase(), '{group}': group };
  const fill = (text: string) => text.replaceAll(/\{ship\}|\{group\}/g, (part) => parts[part]!);
  const { schema, name } = parseTableName(template);
  return { schema: fill(schema), name: fill(name) };
}
