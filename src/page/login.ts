/** The login form. It works without this as well; with it, a wrong token is told where it was typed. */
const form = document.querySelector('form')!;
const problem = document.querySelector('#problem')!;
const field = document.querySelector<HTMLInputElement>('#token')!;

async function login(): Promise<void> {
  const response = await fetch('login', { method: 'POST', body: new URLSearchParams({ token: field.value }), redirect: 'manual' });
  if (response.type === 'opaqueredirect') return location.reload();
  const said = (await response.text()).trim();
  problem.textContent = said === '' ? 'It was not taken.' : `${said[0]!.toUpperCase()}${said.slice(1)}.`;
  field.select();
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  login().catch(() => (problem.textContent = 'The agent does not answer.'));
});
field.focus();
