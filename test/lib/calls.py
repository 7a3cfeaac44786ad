"""All calls of the extension: what they take, whether they return rows, and with which SQLSTATEs they may refuse.

What an argument is follows from its name, as TYPES has it. A "?" behind it says that NULL is allowed, a "0" that a
quantity may be 0. What every call may say of its arguments (22004, 22023, 22001, 2202E) is not repeated here, nor what it
may say of the transaction (25006, 40001, 40P01).
"""
import collections

TYPES = {
	'ref': 'text', 'sku': 'text', 'orderid': 'text', 'qty': 'integer', 'eta': 'date', 'rank': 'integer', 'by': 'date', 'hold': 'interval',
	'orderids': 'text[]', 'skus': 'text[]', 'qtys': 'integer[]', 'all_or_nothing': 'boolean',
}
Argument = collections.namedtuple('Argument', 'name type may_be_null smallest')


class Function(collections.namedtuple('Function', 'name arguments returns_rows refusals')):
	def __repr__(self):
		return self.name


TABLE = """
	add_batch(ref sku qty eta? rank) 23505
	change_batch_quantity(ref qty0) rows SK003 SK006
	change_batch_quantity(sku ref qty0) rows SK003 SK006
	change_batch_eta(ref eta?) rows SK003 SK006
	change_batch_eta(sku ref eta?) rows SK003 SK006
	allocate(orderid sku qty by? hold?) SK001 SK002 SK005
	allocate_order(orderid skus qtys all_or_nothing by? hold?) rows SK001 SK002 SK005 21000
	allocate_lines(orderids skus qtys all_or_nothing by? hold?) rows SK001 SK002 SK005 21000
	try_allocate(orderid sku qty by? hold?) rows
	try_allocate_order(orderid skus qtys by? hold?) rows 21000
	try_allocate_lines(orderids skus qtys by? hold?) rows 21000
	promise(sku qty by?) rows
	deallocate(orderid sku) SK006
	deallocate_order(orderid) rows SK006
	reallocate(orderid sku qty? by?) SK001 SK002 SK004 SK006
	reallocate_sku(sku) rows SK001
	ship(orderid sku qty?) SK004 SK006 SK007 22023
	ship_order(orderid all_or_nothing) rows SK007
	check_allocation() rows
"""


def parsed(line):
	call, _, rest = line.strip().partition(')')
	name, _, arguments = call.partition('(')
	arguments = [Argument(text.rstrip('0?'), TYPES[text.rstrip('0?')], '?' in text, 0 if '0' in text else 1)
		for text in arguments.split()]
	return Function(name, arguments, 'rows' in rest.split(), tuple(word for word in rest.split() if word != 'rows'))


FUNCTIONS = [parsed(line) for line in TABLE.strip().split('\n')]


class Call:
	"""One call with its arguments by name; those left out are NULL."""

	def __init__(self, name, **values):
		self.name = name
		self.function = next(each for each in FUNCTIONS if each.name == name and
			set(values) <= {argument.name for argument in each.arguments})
		self.values = {argument.name: values.get(argument.name) for argument in self.function.arguments}
		self.args = tuple(self.values.values())
		self.sql = 'SELECT * FROM %s(%s)' % (name, ', '.join('%s::' + argument.type for argument in self.function.arguments))

	def __getattr__(self, name):
		try:
			return self.__dict__['values'][name]
		except KeyError:
			raise AttributeError(name) from None

	def __repr__(self):
		return '%s(%s)' % (self.name, ', '.join(repr(arg) if isinstance(arg, (str, list)) else str(arg) for arg in self.args))

	@property
	def lines(self):
		"""(orderid, sku, qty) of each line that it allocates."""
		skus, qtys = self.values.get('skus') or [self.sku], self.values.get('qtys') or [self.qty]
		return list(zip(self.values.get('orderids') or [self.orderid] * len(skus), skus, qtys))

	@property
	def repeats_a_line(self):
		return len({line[:2] for line in self.lines}) < len(self.lines)
