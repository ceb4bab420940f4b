import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../workers/configuration/package-root.ts';
import { exampleFile } from './example-file.ts';
import { referencePage } from './reference-page.ts';

// Run by `npm run reference`; a test says when it has to be.
writeFileSync(join(packageRoot, 'fairlead.example.toml'), exampleFile());
writeFileSync(join(packageRoot, 'docs', 'reference.md'), await referencePage());
