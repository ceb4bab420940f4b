import { describe, expect, it } from 'vitest';
import { encryptionCheck } from '../../../../activities/postgres/preflight/encryption.ts';
import type { ServerFacts } from '../../../../activities/postgres/preflight/server-facts.ts';
import { tlsOfUrl } from '../../../../activities/postgres/tls-of-url.ts';
import { migrationLab } from '../../../migration-databases.ts';
import { preflight } from './preflight-lab.ts';

const far: Partial<ServerFacts> = {
  isUnixSocket: false,
  isLoopback: false,
  encrypted: undefined,
  user: 'a reader',
  database: 'tenant_builder',
};

const check = (parameters: string, facts: Partial<ServerFacts> = {}) => {
  const url = `postgresql://db.example/tenant_builder?${parameters}`;
  const side = { role: 'source' as const, facts: { ...far, ...facts } as ServerFacts };
  return encryptionCheck(side, tlsOfUrl(url), 'db.example:5432');
};

describe('the encryption of a connection', () => {
  it('is missed where it leaves this machine, and the fix is a URL that is right', () => {
    const { verdict, found, fix } = check('');
    expect(verdict).toBe('look');
    expect(found).toContain('who is on the way can read cells');
    const [, url = ''] = /^export FAIRLEAD_SOURCE_URL='([^']+)'/.exec(fix ?? '') ?? [];
    expect(new URL(url).host).toBe('db.example:5432');
    expect(tlsOfUrl(url)).toMatchObject({ mode: 'verify-full', rootCertificate: '/path/ca.pem' });
  });

  it('is not enough where nobody looks whose certificate it is', () => {
    const encrypted = 'TLSv1.3';
    expect(check('sslmode=require', { encrypted })).toMatchObject({ verdict: 'look' });
    for (const parameters of [
      'sslmode=verify-full',
      'sslmode=verify-ca&sslrootcert=a.pem',
      'sslmode=require&sslrootcert=a.pem',
    ])
      expect(check(parameters, { encrypted })).toMatchObject({ verdict: 'good' });
  });

  it('is not asked for on this machine', async () => {
    await using lab = await migrationLab();
    const { check: found } = await preflight(lab);
    expect(found('source encryption')).toMatchObject({ verdict: 'good', fix: null });
    expect(check('', { isUnixSocket: true })).toMatchObject({ verdict: 'good' });
  });
});
