"""Sessions with the throwaway server that test/server has started, databases in it, and further servers beside it.

On both ways the date 'infinity' is datetime.date.max; a date that Python does not know, as one BC, is read as text.
"""
import datetime
import os
import pwd
import shlex
import shutil
import subprocess
import threading
import time
import traceback

import psycopg2
import psycopg2.extensions

Error = psycopg2.Error
NEVER = datetime.date.max
SUPERUSER = os.environ.get('PGUSER', 'postgres')
PATIENCE = 60  # seconds, after which something is said to hang
LEVELS = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE']

psycopg2.extensions.register_adapter(datetime.date, lambda day: psycopg2.extensions.AsIs(
	"'%s'::date" % ('infinity' if day == NEVER else day.isoformat())))


def read_date(text, cursor):
	try:
		return psycopg2.extensions.PYDATE(text, cursor)
	except ValueError:
		return text


psycopg2.extensions.register_type(psycopg2.extensions.new_type(psycopg2.extensions.PYDATE.values, 'DATE', read_date))

now = time.monotonic


class Crash(Exception):
	"""The server has crashed, or the session was killed."""


class Session:
	"""A connection without transactions of its own. Settings are those of the server for this session."""

	def __init__(self, database, role=None, patience=0, port=None, **settings):
		"""Connects; if the server is down, as soon as it is there again, for so many seconds."""
		options = ' '.join('-c %s=%s' % (name, str(value).replace(' ', '\\ ')) for name, value in settings.items())
		end = now() + patience
		while True:
			try:
				self.connection = psycopg2.connect(dbname=database, user=role or SUPERUSER, options=options, port=port)
				break
			except psycopg2.OperationalError:
				if now() > end:
					raise
				time.sleep(0.02)
		self.connection.autocommit = True
		self.pid = self.connection.info.backend_pid
		self.cursor = self.connection.cursor()

	def __enter__(self):
		return self

	def __exit__(self, *_):
		self.close()

	def close(self):
		self.connection.close()

	def call(self, sql, *args):
		"""The rows."""
		try:
			self.cursor.execute(sql, args or None)
			return self.cursor.fetchall() if self.cursor.description is not None else []
		except Error as error:
			if self.connection.closed or not error.pgcode:
				raise Crash('%s\n%s' % (str(error).strip(), sql if isinstance(sql, str) else sql[:1000])) from error
			raise

	def run(self, *statements):
		"""The rows of the last statement."""
		rows = []
		for statement in statements:
			rows = self.call(statement)
		return rows

	def answer(self, sql, *args):
		"""The rows, or the error."""
		try:
			return self.call(sql, *args)
		except (Error, Crash) as error:
			return error

	def start(self, sql, *args):
		"""Runs a statement in the background. Returns when it waits for a lock, or is done."""
		self.background = Background(lambda: self.answer(sql, *args))
		with Session(self.connection.info.dbname) as other:
			until(lambda: not self.background.is_alive() or other.call("SELECT 1 FROM pg_stat_activity"
				" WHERE pid = %s AND wait_event_type = 'Lock'", self.pid), 'waits: %s' % sql)

	def finish(self):
		"""The answer to the statement that was started."""
		return self.background.result()


class Background(threading.Thread):
	"""Work in the background, and what comes of it."""

	def __init__(self, work):
		super().__init__(daemon=True)
		self.work, self.outcome = work, None
		self.start()

	def run(self):
		try:
			self.outcome = self.work()
		except Exception:  # a mistake of the test's
			self.outcome = traceback.format_exc()

	def result(self, patience=PATIENCE):
		self.join(patience)
		if self.is_alive():
			raise TimeoutError('it hangs')
		return self.outcome


def until(condition, what, patience=PATIENCE):
	"""Comes back when the condition is true."""
	end = now() + patience
	while not condition():
		if now() > end:
			raise TimeoutError('in vain: ' + what)
		time.sleep(0.005)


def administer(database, *statements, role=None):
	"""Runs statements as the superuser, or as the role, in a session of their own. Returns the rows of the last."""
	with Session(database, role, patience=PATIENCE) as session:
		return session.run(*statements)


def remove(databases, roles=()):
	administer('postgres', *['DROP DATABASE IF EXISTS %s WITH (FORCE)' % database for database in databases],
		*['DROP ROLE IF EXISTS %s' % role for role in roles])


def install(database, *roles):
	"""Makes the database anew, with the extension, and roles that may call all of its functions."""
	remove([database], roles)
	administer('postgres', 'CREATE DATABASE %s' % database, *['CREATE ROLE %s LOGIN' % role for role in roles])
	administer(database, 'CREATE EXTENSION allocation',
		*['GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO %s' % role for role in roles])


def crash():
	"""The throwaway server crashes, and is started again."""
	control = shlex.split(os.environ['PG_CTL'])
	subprocess.run([*control, 'stop', '-s', '-m', 'immediate'], check=True)
	subprocess.run([*control, 'start', '-s', '-o', os.environ.get('SERVER_OPTIONS', '-c fsync=off')], check=True)


class Cluster:
	"""A further server on a port of its own, with its files and its socket beside those of the throwaway server."""

	def __init__(self, port, **settings):
		self.port, self.home = port, os.environ['PGHOST']
		self.data, self.log = '%s/data-%d' % (self.home, port), '%s/log-%d' % (self.home, port)
		self.as_owner('initdb', '-D', self.data, '-U', SUPERUSER, '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync',
			stdout=subprocess.DEVNULL)
		with open(self.data + '/postgresql.conf', 'a', encoding='utf-8') as file:
			for name, value in {'listen_addresses': '', 'unix_socket_directories': self.home, 'port': port, 'fsync': 'off',
					**settings}.items():
				file.write("%s = '%s'\n" % (name, value))
		self.start()

	def as_owner(self, *command, **options):
		"""Runs a command as the owner of the servers: PostgreSQL refuses to run as root."""
		owner = pwd.getpwuid(os.stat(self.home).st_uid).pw_name
		prefix = ['runuser', '-u', owner, '--'] if os.getuid() == 0 else []
		return subprocess.run([*prefix, *command], cwd='/', check=options.pop('check', True), **options)

	def start(self):
		self.as_owner('pg_ctl', 'start', '-s', '-w', '-D', self.data, '-l', self.log)

	def stop(self, mode='immediate'):
		self.as_owner('pg_ctl', 'stop', '-s', '-m', mode, '-D', self.data, check=False, stderr=subprocess.DEVNULL)

	def remove(self):
		self.stop()
		shutil.rmtree(self.data, ignore_errors=True)
