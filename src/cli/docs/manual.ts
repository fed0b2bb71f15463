/** All pages of the manual, and the files that are made from them. */
import { COMMANDS, FAMILIES, findCommand, findFamily } from '../commands/table';
import { renderMarkdown } from './markdown';
import { commandPage, familyPage, type Page, programPage } from './page';
import { renderRoff } from './roff';
import { renderText } from './text';

/** The page of a command or of a family; without a name that of git-theta itself. */
export async function manualPage(name?: string): Promise<Page | undefined> {
  if (name === undefined) return programPage();
  const family = findFamily(name);
  if (family) return familyPage(family);
  const entry = findCommand(name);
  return entry && commandPage(entry, (await entry.load()).command);
}

/** A page as plain text; the empty text when there is no such command. */
export async function manualText(name?: string): Promise<string> {
  const page = await manualPage(name);
  return page ? renderText(page) : '';
}

/** Every generated file: path in the package and content. Commands come in the table's order. */
export async function manualFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const names = [...FAMILIES, ...COMMANDS].map((row) => row.name);
  for (const name of [undefined, ...names]) {
    const page = await manualPage(name);
    if (!page) continue;
    files.set(`man/${page.name}.1`, renderRoff(page));
    files.set(`docs/reference/${name?.replace(' ', '-') ?? 'README'}.md`, renderMarkdown(page));
  }
  return files;
}
