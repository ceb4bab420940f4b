import { describe, expect, it } from 'vitest';
import { productionPackages, releaseSbom } from '../../release/write-sbom.ts';

/** They say it in a file of their own, not in the form that npm reads. */
const LICENCE_ELSEWHERE = ['unionfs'];

type Licensed = { name: string; version: string; licenses?: unknown[] };

describe('the SBOM of a release', () => {
  const sbom = releaseSbom();
  const components = sbom.components as Licensed[];

  it('names every production package with its version, and no other', () => {
    const named = components.map(({ name, version }) => `${name}@${version}`);
    expect(new Set(named)).toEqual(productionPackages());
    expect(named).toEqual(expect.arrayContaining([expect.stringMatching(/^pg-protocol@/)]));
    expect(named.filter((name) => /^(vitest|typescript|oxlint)@/.test(name))).toEqual([]);
  });

  it('names the licence of each', () => {
    const without = components.filter(({ licenses = [] }) => licenses.length === 0);
    expect(without.map(({ name }) => name)).toEqual(LICENCE_ELSEWHERE);
  });

  it('tells what depends on what, of nothing that is not there', () => {
    const [root, ...others] = sbom.dependencies;
    expect(root!.dependsOn).toEqual(expect.arrayContaining([expect.stringMatching(/^pg@/)]));
    const there = new Set(others.map(({ ref }) => ref));
    for (const { dependsOn = [] } of sbom.dependencies)
      expect(dependsOn.filter((ref) => !there.has(ref))).toEqual([]);
  });
});
