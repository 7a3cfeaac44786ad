-- Us.

CREATE EXTENSION allocation;
