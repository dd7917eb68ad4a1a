import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadHtml, loadPageFiles } from '../../src/admin/page-files.ts';

describe('the files of the page', () => {
  it('are all that its modules import, without types, and find each other by path', async () => {
    const files = await loadPageFiles();
    const modules = readdirSync(new URL('../../src/page/', import.meta.url)).filter((name) => name.endsWith('.ts')).map((name) => `page/${name}`);
    expect([...files.keys()].filter((path) => path.startsWith('page/') && path.endsWith('.ts')).sort()).toEqual(modules.sort());
    for (const [path, { body, contentType }] of files) {
      expect(contentType).toMatch(path.endsWith('.css') ? /^text\/css/ : /^text\/javascript/);
      if (!path.endsWith('.ts')) continue;
      expect(body, path).not.toMatch(/^\s*(import type|export type|interface|declare) /m);
      for (const [, name = ''] of body.matchAll(/(?:from|import)\s*'([^']+)'/g)) expect(files.has(new URL(name, `http://x/${path}`).pathname.slice(1)), `${path} imports ${name}`).toBe(true);
    }
  });

  it('leave nothing to other machines, and no script or style within the HTML, which its policy would refuse', async () => {
    for (const name of ['index', 'login'] as const) {
      const html = await loadHtml(name);
      expect(html.replace("xmlns='http://www.w3.org/2000/svg'", '')).not.toMatch(/https?:|\/\/[a-z]/);
      expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=/);
      // Relative, so that it works behind the API server's proxy.
      for (const [, target = ''] of html.matchAll(/(?:src|href|action)="([^"]*)"/g)) expect(target).toMatch(/^(assets\/|data:|login$)/);
    }
  });
});
