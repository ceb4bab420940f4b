import { FAILURE_RULES, type FailureRule } from '../../domain/classify-failure.ts';
import { kindOfCode } from '../../domain/errors.ts';

/** The rows of the table in `docs/errors.md`, from the rules themselves. */
export const failureTable = (): string[] =>
  [
    ['code', 'kind', 'SQLSTATE', 'errno, or what the driver says', 'timeout in Temporal', 'hint'],
    ...FAILURE_RULES.map(rowOf),
  ].map((cells) => `| ${cells.join(' | ')} |`);

function rowOf(rule: FailureRule): string[] {
  const { code, states = [], saying, errnos = [], messages = [], timeouts = [], hint } = rule;
  const shown = states.map((state) => (state.length === 2 ? `${state}xxx` : state)).join(' ');
  const drivers = [
    errnos.map((errno) => errno.replace(/_$/, '_…')).join(' '),
    ...messages.map((message) => `“${message}”`),
  ];
  const ran = timeouts.map((timeout) => timeout.toLowerCase().replaceAll('_', '-')).join(', ');
  return [
    `[${code}](#${code})`,
    kindOfCode[code],
    saying ? `${shown} saying ${saying.map((words) => `“${words}”`).join(' or ')}` : shown,
    drivers.filter(Boolean).join(', '),
    rule.whileBytesFlow ? `${ran} while bytes flow` : ran,
    hint.replaceAll('<', '&lt;'),
  ];
}
