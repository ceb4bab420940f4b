import { parser } from '@prometheus-io/lezer-promql';
import type { SyntaxNode } from '@lezer/common';

/** A metric with the labels that an expression asks for, in selectors and in the `by` around them. */
export interface Selection {
  name: string;
  labels: string[];
  /** Values that a label must equal. */
  equal: Record<string, string>;
}

/** @throws {SyntaxError} for what is no PromQL */
export function selectionsOf(expression: string): Selection[] {
  const text = expression.replaceAll('$__rate_interval', '5m');
  const { topNode } = parser.parse(text);
  const selections: Selection[] = [];
  topNode.cursor().iterate((node) => {
    if (node.type.isError) throw new SyntaxError(`at ${node.from}: ${text}`);
    if (node.name === 'VectorSelector') selections.push(selectionAt(node.node, text));
  });
  return selections;
}

function selectionAt(node: SyntaxNode, text: string): Selection {
  const textOf = ({ from, to }: { from: number; to: number }) => text.slice(from, to);
  const matchers = below(node, ['UnquotedLabelMatcher', 'LabelMatcher']).map((matcher) => ({
    label: textOf(matcher.firstChild!),
    operator: textOf(matcher.firstChild!.nextSibling!),
    value: textOf(matcher.lastChild!).replaceAll(/^["']|["']$/g, ''),
  }));
  const groupings = around(node).flatMap((aggregation) =>
    below(aggregation, ['LabelName']).filter((label) => isGroupingOf(label, aggregation)),
  );
  return {
    name: textOf(below(node, ['Identifier'])[0]!),
    labels: [...new Set([...matchers.map(({ label }) => label), ...groupings.map(textOf)])],
    equal: Object.fromEntries(
      matchers.filter(({ operator }) => operator === '=').map(({ label, value }) => [label, value]),
    ),
  };
}

/** A `by (…)` of this aggregation, and not of one within it. */
function isGroupingOf(label: SyntaxNode, aggregation: SyntaxNode): boolean {
  const modifier = label.parent?.name === 'GroupingLabels' ? label.parent.parent : undefined;
  return modifier?.parent?.from === aggregation.from && modifier.parent.to === aggregation.to;
}

function around(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let at = node.parent; at; at = at.parent) if (at.name === 'AggregateExpr') found.push(at);
  return found;
}

function below(node: SyntaxNode, names: string[]): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  node.cursor().iterate((each) => {
    if (names.includes(each.name)) found.push(each.node);
  });
  return found;
}
