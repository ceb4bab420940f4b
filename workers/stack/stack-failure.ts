import { FairleadError } from '../../domain/errors.ts';
import { FolderLockedError } from './folder-lock.ts';

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

/**
 * Turns what went wrong while the local stack worked in a folder into an error that says what to type.
 *
 * @param detail what a server said last; a full disk shows there
 */
export function stackFailure(
  what: string,
  folder: string,
  error: unknown,
  detail = '',
): FairleadError {
  if (error instanceof FairleadError) return error;
  if (error instanceof FolderLockedError) return alreadyRunning(error);
  const message = error instanceof Error ? error.message : String(error);
  const says = `${what}: ${message}${detail ? `\n${detail}` : ''}`;
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT' || /No space left on device/.test(says))
    return new FairleadError('disk-full', says, {
      hint: `free some space (\`df -h ${folder}\` shows how much is left), or set FAIRLEAD_HOME to a folder on another disk, then repeat the command`,
      cause: error,
    });
  if (code === 'EROFS')
    return new FairleadError('read-only', says, { hint: otherHome(folder), cause: error });
  if (code === 'EACCES' || code === 'EPERM' || code === 'ENOTDIR' || code === 'EEXIST')
    return new FairleadError('permission-denied', says, { hint: otherHome(folder), cause: error });
  return new FairleadError('stack-failed', says, {
    hint: `read the logs below ${folder}, then repeat the command`,
    cause: error,
  });
}

const otherHome = (folder: string): string =>
  `make ${folder} a folder that you may write to (\`ls -ld ${folder}\`), or set FAIRLEAD_HOME to one, then repeat the command`;

const alreadyRunning = (error: FolderLockedError): FairleadError =>
  new FairleadError('stack-running', `the local stack runs already: ${error.message}`, {
    hint: `use it as it is (\`fairlead status\`), or end it first: \`kill ${error.owner.pid}\``,
    cause: error,
  });
