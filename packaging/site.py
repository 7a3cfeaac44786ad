"""What makes mkdocs take the pages where they are: README.md, doc/ and so on, with links that work on GitHub, too."""
import glob
import os
import posixpath
import re
import subprocess
from html import unescape
from urllib.parse import unquote, urldefrag, urljoin

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def on_files(files, config):
	"""The pages and pictures of the whole repository, not of docs_dir alone."""
	tracked = subprocess.run(['git', '-c', 'safe.directory=*', 'ls-files', '*.md', '*.svg', '*.css'],
		cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
	theirs = [file for file in files if file.abs_src_path.startswith(tuple(config['theme'].dirs))]
	return Files(theirs + [File(path, ROOT, config['site_dir'], config['use_directory_urls']) for path in tracked])


def on_nav(nav, config, files):
	lost = {file.src_uri for file in files.documentation_pages()} - {page.file.src_uri for page in nav.pages}
	if lost:
		raise PluginError('not in the nav of packaging/mkdocs.yml: ' + ', '.join(sorted(lost)))


def on_page_markdown(markdown, page, config, files):
	"""Links to what is no page, as a program, lead to the repository."""
	def link(match):
		path = posixpath.normpath(posixpath.join(posixpath.dirname(page.file.src_uri), match[1]))
		if path in files or not os.path.exists(os.path.join(ROOT, path)):
			return match[0]
		return '](%s/blob/HEAD/%s)' % (os.environ['REPOSITORY'], path)
	return re.sub(r'\]\(((?!https?:|mailto:|#)[^)#\s]+)\)', link, markdown)


def on_page_content(html, **_):
	"""Pictures open in full size, which a telephone has no room for."""
	return re.sub(r'<p>(<img [^>]*src="([^"]*)"[^>]*>)</p>', r'<p class="picture"><a href="\2">\1</a></p>', html)


def on_post_build(config):
	"""mkdocs looks whether the pages that links lead to are there. Here, whether the headings are."""
	pages = {}
	for path in glob.glob(config['site_dir'] + '/**/*.html', recursive=True):
		with open(path, encoding='utf-8') as file:
			pages[os.path.relpath(path, config['site_dir']).replace('index.html', '')] = file.read()
	ids = {path: re.findall(r'\bid="([^"]*)"', html) for path, html in pages.items()}
	lost = set()
	for path, html in pages.items():
		for href in re.findall(r'<a [^>]*\bhref="([^"]*#[^"]+)"', html):
			target, anchor = urldefrag(urljoin('http://site/' + path, unescape(href)))
			if target.startswith('http://site/') and unquote(anchor) not in ids.get(target[len('http://site/'):], []):
				lost.add('%s: %s' % (path or 'README', href))
	if lost:
		raise PluginError('links to headings that are not there: ' + ', '.join(sorted(lost)))
