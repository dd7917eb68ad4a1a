import { TABS, type Actions, type Model } from './model.ts';

/** Keys and what they do; the help is made of it. */
export const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ['1 … 6', 'show a tab'],
  ['j / k, ↓ / ↑', 'next and previous entry of a list'],
  ['Enter', 'open the entry'],
  ['p, Space', 'pause the live exchanges, and go on'],
  ['/', 'filter'],
  ['Esc', 'close what is open, leave the filter'],
  ['t', 'light, dark, or as the system has it'],
  ['?', 'this help'],
];

/** Keys of the whole page. Text fields, menus and modified keys are left to the browser. */
export function onKey(event: KeyboardEvent, model: Model, actions: Actions): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof Element ? event.target : document.body;
  if (event.key === 'Escape') return escape(target, model, actions);
  if (target.closest('input, select, textarea, dialog') !== null) return;
  if (act(event.key, target, model, actions)) event.preventDefault();
}

function escape(target: Element, model: Model, actions: Actions): void {
  // The browser closes a dialog by itself.
  if (model.helpOpen) return;
  if (target instanceof HTMLInputElement) target.blur();
  else if (model.live.selected !== null) {
    const { id } = model.live.selected;
    actions.select(null);
    document.querySelector<HTMLElement>(`[data-id="${id}"]`)?.focus();
  }
}

/** @returns whether the key means something here */
function act(key: string, target: Element, model: Model, actions: Actions): boolean {
  // On a control, space presses it.
  const isOnControl = target.closest('button, summary, a') !== null;
  const isOnRow = target.closest('[data-row]') !== null;
  switch (key) {
    case 'j':
    case 'ArrowDown':
      return move(1, model, actions);
    case 'k':
    case 'ArrowUp':
      return move(-1, model, actions);
    case ' ':
      if (isOnControl && !(isOnRow && model.tab === 'live')) return false;
      return pause(model, actions);
    case 'p':
      return pause(model, actions);
    case '/':
      document.querySelector<HTMLElement>('#search')?.focus();
      return true;
    case '?':
      actions.toggleHelp();
      return true;
    case 't':
      actions.turnTheme();
      return true;
    default: {
      const tab = /^[1-9]$/.test(key) ? TABS[Number(key) - 1] : undefined;
      if (tab !== undefined) actions.show(tab);
      return tab !== undefined;
    }
  }
}

function pause({ tab, live }: Model, actions: Actions): boolean {
  if (tab !== 'live') return false;
  actions.pause(!live.paused);
  return true;
}

/** Moves the focus in the list of the tab; of live exchanges, the one with the focus is shown. */
function move(by: 1 | -1, model: Model, actions: Actions): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  if (rows.length === 0) return false;
  const focused = rows.findIndex((row) => row.contains(document.activeElement));
  const current = focused < 0 ? rows.findIndex((row) => row.dataset['id'] === String(model.live.selected?.id)) : focused;
  const next = rows[Math.min(rows.length - 1, Math.max(0, current < 0 ? 0 : current + by))]!;
  const handle = next.matches('details') ? next.querySelector<HTMLElement>('summary') : next;
  handle?.focus();
  const row = model.live.rows.find(({ id }) => String(id) === next.dataset['id']);
  if (row !== undefined) actions.select(row);
  return true;
}
