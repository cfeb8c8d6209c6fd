/** The public API is what programs read first: everything in it says what it promises. */
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';

const entry = fileURLToPath(new URL('../src/index.ts', import.meta.url));
const sources = fileURLToPath(new URL('../src/', import.meta.url));

/** Every export of the module, and every member that a program can reach on one. */
function undocumented(fileName: string): readonly string[] {
  const program = ts.createProgram([fileName], {
    noEmit: true,
    skipLibCheck: true,
    strict: true,
    allowImportingTsExtensions: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2024.d.ts', 'lib.esnext.disposable.d.ts'],
    types: ['node'],
  });
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(fileName) as ts.Node);
  if (module === undefined) throw new Error(`${fileName} exports nothing`);
  return checker.getExportsOfModule(module).flatMap((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const lacking = isDocumented(symbol, checker) ? [] : [exported.name];
    return [
      ...lacking,
      ...membersOf(symbol)
        .filter((member) => !isDocumented(member, checker))
        .map((member) => `${exported.name}.${member.name}`),
    ];
  });
}

function membersOf(symbol: ts.Symbol): readonly ts.Symbol[] {
  return [...(symbol.members?.values() ?? []), ...(symbol.exports?.values() ?? [])].filter((member) => {
    const [declaration] = member.declarations ?? [];
    if (declaration === undefined || ts.isTypeParameterDeclaration(declaration)) return false;
    if (!declaration.getSourceFile().fileName.startsWith(sources)) return false;
    // Disposal means the same everywhere.
    return !member.name.startsWith('__@') && !isHidden(declaration);
  });
}

function isHidden(declaration: ts.Declaration): boolean {
  if (ts.isClassStaticBlockDeclaration(declaration)) return true;
  if (ts.isPropertyDeclaration(declaration) && ts.isPrivateIdentifier(declaration.name)) return true;
  if (ts.isMethodDeclaration(declaration) && ts.isPrivateIdentifier(declaration.name)) return true;
  const modifiers = ts.canHaveModifiers(declaration) ? (ts.getModifiers(declaration) ?? []) : [];
  return modifiers.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
}

function isDocumented(symbol: ts.Symbol, checker: ts.TypeChecker): boolean {
  return symbol.getDocumentationComment(checker).length > 0 || symbol.getJsDocTags().length > 0;
}

test('every export and every member of it says what it promises', () => {
  expect(undocumented(entry)).toEqual([]);
});
