"""EventBridge's own names for the kinds of event.

https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ses.html
"""

EVENT_TYPES_BY_DETAIL_TYPE = {
    "Email Sent": "Send",
    "Email Delivered": "Delivery",
    "Email Bounced": "Bounce",
    "Email Complaint Received": "Complaint",
    "Email Rejected": "Reject",
    "Email Opened": "Open",
    "Email Clicked": "Click",
    "Email Rendering Failed": "Rendering Failure",
    "Email Delivery Delayed": "DeliveryDelay",
    "Email Subscribed": "Subscription",
}
