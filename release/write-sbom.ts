import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../workers/configuration/package-root.ts';

interface Sbom {
  metadata: { component: { name: string } };
  components: { 'bom-ref': string; name: string; version: string }[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

interface Lock {
  name: string;
  packages: Record<string, { name?: string; version?: string; dev?: true; link?: true }>;
}

/** `name@version` of all that an installation brings, on any platform. */
export function productionPackages(): Set<string> {
  const names = Object.entries(lock().packages).flatMap(([path, { name, version, dev, link }]) =>
    path === '' || dev || link ? [] : [`${name ?? path.split('node_modules/').at(-1)}@${version}`],
  );
  return new Set(names);
}

const lock = (): Lock =>
  JSON.parse(readFileSync(join(packageRoot, 'package-lock.json'), 'utf8')) as Lock;

/**
 * The release's bill of materials, CycloneDX 1.5. `npm sbom --omit dev` leaves out what both development and
 * production need, such as pg-protocol: so npm tells of everything, and the lock file which of it is production's.
 */
export function releaseSbom(): Sbom {
  const args = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'];
  const { status, stdout, stderr } = spawnSync('npm', [...args, '--sbom-type', 'application'], {
    cwd: packageRoot,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} ended with ${status}: ${stderr}`);
  return ofProduction(JSON.parse(stdout) as Sbom);
}

function ofProduction(sbom: Sbom): Sbom {
  const production = productionPackages();
  const components = sbom.components.filter(({ name, version }) =>
    production.has(`${name}@${version}`),
  );
  const kept = new Set(components.map((component) => component['bom-ref']));
  const root = sbom.dependencies[0]!.ref;
  const dependencies = sbom.dependencies
    .filter(({ ref }) => ref === root || kept.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((on) => kept.has(on)) }));
  const component = { ...sbom.metadata.component, name: lock().name };
  return { ...sbom, metadata: { ...sbom.metadata, component }, components, dependencies };
}

if (process.argv[1]?.endsWith('write-sbom.js')) {
  const file = join(packageRoot, 'dist', 'fairlead.cdx.json');
  writeFileSync(file, `${JSON.stringify(releaseSbom(), undefined, 2)}\n`);
}
