"""The Celery application that all workers share: at-least-once, JSON only, and no hope in the broker.

Redis is a doorbell. A message names a job whose facts and lease are in SQL, so a lost or doubled message costs
nothing; the relay's sweeper rings again.
"""

from celery import Celery


def build_queue(broker_url: str, *, name: str) -> Celery:
    """A Celery application on a Redis broker, with every wait bounded."""
    app = Celery(name, broker=broker_url)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_pool_limit=2,
        task_default_queue="default",
        task_create_missing_queues=True,
        task_routes={
            "ingestion.*": {"queue": "ingestion"},
            "evaluation.*": {"queue": "evaluation"},
        },
        # kombu redelivers after the visibility timeout; jobs have leases in SQL, so this only tidies up.
        broker_transport_options={
            "visibility_timeout": 600,
            "unacked_restore_interval": 10,
            "unacked_mutex_expire": 10,
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "health_check_interval": 30,
        },
        timezone="UTC",
    )
    return app
