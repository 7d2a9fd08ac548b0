// Says why nothing happens when the page's modules do not load, which they cannot say themselves.
document.querySelector('script[type=module]').addEventListener('error', () => {
  const status = document.getElementById('status');
  const [headline, advice] =
    location.protocol === 'file:'
      ? ['This page must come from a web server.', 'In its folder run:  python -m http.server 8000\nand open:  http://localhost:8000']
      : ['A file of this page is missing.', 'Copy the whole folder that export.web_demo wrote.'];
  status.dataset.kind = 'error';
  status.querySelector('strong').textContent = headline;
  status.querySelector('span').textContent = advice;
});
