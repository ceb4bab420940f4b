import type { ClientBase, Pool } from 'pg';
import { escapeIdentifier } from 'pg';

/** Of the installation without a name. */
export const USUAL_LEDGER = 'fairlead';

const PREFIX = `${USUAL_LEDGER}_`;

/** By pool and by connection; a connection that no pool of ours opened is of the installation without a name. */
const installations = new WeakMap<Pool | ClientBase, string>();

/** Says of which installation a pool, or a connection of it, is. */
export function belongsTo(connection: Pool | ClientBase, installation: string | undefined): void {
  if (installation !== undefined) installations.set(connection, installation);
}

export const installationOf = (connection: Pool | ClientBase): string | undefined =>
  installations.get(connection);

/** The schema of an installation's ledger, channel map and quarantine. */
export const ledgerSchemaOf = (installation: string | undefined): string =>
  installation === undefined ? USUAL_LEDGER : `${PREFIX}${installation}`;

/** The installation whose schema this is; undefined for the one without a name. */
export const installationOfSchema = (schema: string): string | undefined =>
  schema.startsWith(PREFIX) ? schema.slice(PREFIX.length) : undefined;

/** {@link ledgerSchemaOf} of a connection's installation, as SQL spells it. */
export const ledgerOf = (connection: Pool | ClientBase): string =>
  quoteSchema(ledgerSchemaOf(installationOf(connection)));

export const quoteSchema = (schema: string): string =>
  /^[a-z][a-z0-9_]*$/.test(schema) ? schema : escapeIdentifier(schema);
