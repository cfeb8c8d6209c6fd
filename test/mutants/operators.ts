/** The places of a source file where one small change should make a test fail, and the changes. */
import ts from 'typescript';

/** One change of one expression or statement. */
export interface Mutation {
  /** Of the first changed line, from 1. */
  readonly line: number;
  /** Offsets into the text, and what takes their place. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** `size < limit → size <= limit` */
  readonly summary: string;
  /** The whole expression or statement that is changed. */
  readonly whole: { readonly start: number; readonly end: number; readonly isStatement: boolean };
  /** Evaluated when the file is loaded, and so once for all tests of a process. */
  readonly isOfLoading: boolean;
}

/** Operators and what takes their place. */
const OPERATORS: Readonly<Record<string, string>> = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '&&': '||',
  '||': '&&',
  '-': '+',
  '*': '/',
};
const MAX_SUMMARY = 100;

/** All mutations of a TypeScript file, in the order of the text; the same for the same text. */
export function listMutations(text: string): readonly Mutation[] {
  const file = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest, true);
  const found: Mutation[] = [];
  const add = (node: ts.Node, replacement: string, start = node.getStart(file), end = node.getEnd()): void => {
    const before = text.slice(node.getStart(file), node.getEnd());
    const from = start - node.getStart(file);
    const after = before.slice(0, from) + replacement + before.slice(from + end - start);
    found.push({
      line: file.getLineAndCharacterOfPosition(start).line + 1,
      start,
      end,
      text: replacement,
      summary: `${onOneLine(before)} → ${onOneLine(after)}`,
      whole: { start: node.getStart(file), end: node.getEnd(), isStatement: ts.isStatement(node) },
      isOfLoading: ts.findAncestor(node, isRunLater) === undefined,
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node)) return;
    if (ts.isBinaryExpression(node)) {
      const { operatorToken } = node;
      const other = OPERATORS[operatorToken.getText(file)];
      // Beside another operator `??` may stand in parentheses only.
      if (operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken) {
        add(node, `((${node.left.getText(file)}) && (${node.right.getText(file)}))`);
      } else if (other !== undefined) add(node, other, operatorToken.getStart(file), operatorToken.getEnd());
    } else if (node.kind === ts.SyntaxKind.TrueKeyword) add(node, 'false');
    else if (node.kind === ts.SyntaxKind.FalseKeyword) add(node, 'true');
    else if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) {
      add(node, node.operand.getText(file));
    } else if (ts.isNumericLiteral(node) && !isKey(node)) add(node, `(${node.text} + 1)`);
    else if (ts.isThrowStatement(node) || isCallStatement(node)) add(node, ';');
    else if (ts.isIfStatement(node)) add(node.expression, `!(${node.expression.getText(file)})`);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** A text with one mutation. */
export function mutate(text: string, { start, end, text: replacement }: Mutation): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

/** `await stop();` or `list.push(1);`: something is done, and nothing is made of what it gives. */
function isCallStatement(node: ts.Node): boolean {
  if (!ts.isExpressionStatement(node)) return false;
  const inner = ts.isAwaitExpression(node.expression) ? node.expression.expression : node.expression;
  // Without its super() a constructor cannot run at all.
  return ts.isCallExpression(inner) && inner.expression.kind !== ts.SyntaxKind.SuperKeyword;
}

/** `{ 401: 'no' }`, where no expression can stand. */
function isKey(node: ts.NumericLiteral): boolean {
  const { parent } = node;
  return (
    (ts.isPropertyAssignment(parent) && parent.name === node) ||
    (ts.isBindingElement(parent) && parent.propertyName === node)
  );
}

function isRunLater(node: ts.Node): boolean {
  return ts.isFunctionLike(node) || ts.isPropertyDeclaration(node);
}

function onOneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > MAX_SUMMARY ? `${line.slice(0, MAX_SUMMARY)}…` : line;
}
